import type { Machine } from './machine.js'

/** Something that a benchmark must show. */
export interface Goal {
  goal: string
  /** For people: `at least 0.97`. */
  want: string
  /** What was measured; null when something that it needs was not there. */
  got: number | null
  met: boolean | null
}

/** What `npm run bench -- NAME --json` prints. */
export interface Report<Case = unknown> {
  name: string
  machine: Machine
  cases: Case[]
  goals: Goal[]
}

export const atLeast = (goal: string, want: number, got: number | null): Goal =>
  compare(goal, `at least ${want}`, got, (value) => value >= want)

export const atMost = (goal: string, want: number, got: number | null): Goal =>
  compare(goal, `at most ${want}`, got, (value) => value <= want)

function compare(goal: string, want: string, got: number | null, holds: (value: number) => boolean): Goal {
  const measured = got !== null && Number.isFinite(got)
  return { goal, want, got: measured ? Number(got.toFixed(3)) : null, met: measured ? holds(got) : null }
}

/** Columns separated by two spaces; the first is aligned left, the others right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

export function goalTable(goals: readonly Goal[]): string {
  const verdict = ({ met }: Goal): string => (met === null ? 'not measured' : met ? 'met' : 'MISSED')
  const rows = goals.map((goal) => [goal.goal, goal.want, goal.got === null ? '–' : String(goal.got), verdict(goal)])
  return table([['goal', 'want', 'got', ''], ...rows])
}
