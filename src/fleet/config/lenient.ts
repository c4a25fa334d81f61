import { z } from 'zod'

/** A config of which anything may be missing: what is broken is left out. */
export type Loose<T> = T extends readonly (infer Element)[]
  ? (Loose<Element> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Loose<T[Key]> | undefined }
    : T

/**
 * What a schema takes of a value that it does not take as a whole: with it, one fault does not hide those between other parts
 * of the config. Elements of lists keep their places.
 */
export function lenient<Schema extends z.ZodType>(schema: Schema, value: unknown): Loose<z.output<Schema>> | undefined {
  return parts(schema, value) as Loose<z.output<Schema>> | undefined
}

function parts(schema: z.core.$ZodType, value: unknown): unknown {
  const { success, data } = z.safeParse(schema, value)
  if (success) return data
  const inner = bare(schema)
  if (Array.isArray(value))
    return inner instanceof z.ZodArray ? value.map((one) => parts(inner.element, one)) : undefined
  if (value === null || typeof value !== 'object') return undefined
  if (inner instanceof z.ZodObject) {
    const fields = Object.entries(inner.shape as Record<string, z.core.$ZodType>)
    return Object.fromEntries(
      fields.map(([key, field]) => [key, parts(field, (value as Record<string, unknown>)[key])]),
    )
  }
  if (inner instanceof z.ZodRecord) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, parts(inner.valueType, one)]))
  }
  return undefined
}

/** Without what says that it may be left out. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
  return wrapped ? bare(schema.def.innerType as z.core.$ZodType) : schema
}
