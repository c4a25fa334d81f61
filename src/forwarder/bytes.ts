/** The bytes of an array of numbers, in its own memory. */
export function asBytes({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

export function sameBytes(a: NodeJS.TypedArray, b: NodeJS.TypedArray): boolean {
  return Buffer.compare(asBytes(a), asBytes(b)) === 0
}
