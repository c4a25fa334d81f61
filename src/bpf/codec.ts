/** How a value lies in the bytes of a C struct. Little-endian, as the machines are that the package is for. */
export interface Layout<T> {
  readonly size: number
  /** Writes a value. Integers are cut to their width, as in C. */
  write(value: T, view: DataView, at: number): void
  read(view: DataView, at: number): T
}

/** What an empty field holds: reserved ones are written as zero and not read. */
const RESERVED = /^reserved/

function number(size: number, read: 'getUint8' | 'getUint16' | 'getUint32', little: boolean): Layout<number> {
  const write = read.replace('get', 'set') as 'setUint8' | 'setUint16' | 'setUint32'
  return {
    size,
    write: (value, view, at) => view[write](at, value, little),
    read: (view, at) => view[read](at, little),
  }
}

export const u8 = number(1, 'getUint8', true)
export const u16 = number(2, 'getUint16', true)
export const u32 = number(4, 'getUint32', true)
export const be16 = number(2, 'getUint16', false)
export const be32 = number(4, 'getUint32', false)
export const u64: Layout<bigint> = {
  size: 8,
  write: (value, view, at) => view.setBigUint64(at, value, true),
  read: (view, at) => view.getBigUint64(at, true),
}

/** So many bytes; shorter values are filled up with zeros. */
export function bytes(size: number): Layout<Uint8Array> {
  const target = (view: DataView, at: number) => new Uint8Array(view.buffer, view.byteOffset + at, size)
  return {
    size,
    write: (value, view, at) => target(view, at).set(value.subarray(0, size)),
    read: (view, at) => target(view, at).slice(),
  }
}

/** An address of 16 bytes in network order, IPv4 as v4-mapped IPv6. */
export const address = bytes(16)

export function list<T>(element: Layout<T>, length: number): Layout<T[]> {
  return {
    size: element.size * length,
    write(values, view, at) {
      for (const [i, value] of values.entries()) element.write(value, view, at + i * element.size)
    },
    read: (view, at) => Array.from({ length }, (_, i) => element.read(view, at + i * element.size)),
  }
}

export function u16s(length: number): Layout<Uint16Array> {
  return {
    size: 2 * length,
    write: (values, view, at) => new Uint16Array(view.buffer, view.byteOffset + at, length).set(values),
    read: (view, at) => new Uint16Array(view.buffer, view.byteOffset + at, length).slice(),
  }
}

/** A struct without holes. */
export function layout<T extends object>(
  size: number,
  fields: { [Name in keyof T]: Layout<T[Name]> } & { reserved?: Layout<number> },
): Layout<T> {
  let end = 0
  const places = Object.entries(fields).map(([name, field]) => {
    const place = { name: name as keyof T, field: field as Layout<T[keyof T]>, at: end }
    end += field.size
    return place
  })
  const visible = places.filter(({ name }) => !RESERVED.test(String(name)))
  return {
    size,
    write(value, view, at) {
      for (const { name, field, at: offset } of visible) field.write(value[name], view, at + offset)
    },
    read(view, at) {
      const value = {} as T
      for (const { name, field, at: offset } of visible) value[name] = field.read(view, at + offset)
      return value
    },
  }
}

/** The bytes of a value. */
export function encode<T>(layout: Layout<T>, value: T): Uint8Array {
  const encoded = new Uint8Array(layout.size)
  layout.write(value, new DataView(encoded.buffer), 0)
  return encoded
}

/** The value in the first bytes. */
export function decode<T>(layout: Layout<T>, encoded: Uint8Array): T {
  return layout.read(new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength), 0)
}
