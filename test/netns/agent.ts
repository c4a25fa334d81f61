// The process that plays roles inside a namespace. test/netns/kit.ts starts it and talks to it over Node's IPC.

import { roles } from './roles/index.js'

export interface Request {
  id: number
  role: keyof typeof roles
  args: unknown[]
}

export interface Reply {
  id: number
  result: unknown
}

export interface Failure {
  id: number
  error: { name: string; message: string; code?: string }
}

process.on('message', async ({ id, role, args }: Request) => {
  try {
    const result = await (roles[role] as (...args: unknown[]) => unknown)(...args)
    process.send!({ id, result } satisfies Reply)
  } catch (thrown) {
    const { name, message, stack, code } = thrown as NodeJS.ErrnoException
    const error = { name, message: stack ?? message, ...(code && { code }) }
    process.send!({ id, error } satisfies Failure)
  }
})
process.once('disconnect', () => process.exit())
