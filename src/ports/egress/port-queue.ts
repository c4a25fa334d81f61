const FIRST_CAPACITY = 16

/** Ports in the order in which they came: a ring that grows when it is full and never shrinks. */
export class PortQueue {
  #ring = new Uint16Array(FIRST_CAPACITY)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(port: number): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = port
    this.#length++
  }

  /** Takes the port that has waited longest; −1 when there is none. */
  shift(): number {
    if (this.#length === 0) return -1
    const port = this.#ring[this.#head] as number
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    return port
  }

  #grow(): void {
    const larger = new Uint16Array(this.#ring.length * 2)
    larger.set(this.#ring.subarray(this.#head))
    larger.set(this.#ring.subarray(0, this.#head), this.#ring.length - this.#head)
    this.#ring = larger
    this.#head = 0
  }
}
