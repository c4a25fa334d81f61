/** A way to come by a local port: `connect_ports --way …` (bench/native/connect_socket.h). */
export interface Way {
  id: string
  title: string
  args: readonly string[]
  /** In which order the way itself takes ports while a range fills: so it is filled beforehand. */
  order: 'random' | 'first-parity' | 'second-parity' | 'halves'
  /** No way of its own: not to be filled. */
  churnOnly?: boolean
}

export type Protocol = 'tcp' | 'udp'

/** 10 % of the ports. */
const SAME = 5651

/** The article's windows. */
const WINDOWS = [500, 1000, 5000, 10000]

const windows = WINDOWS.map(
  (size): Way => ({
    id: `window-${size}`,
    title: `window of ${size}`,
    args: ['--way', 'window', '--window', `${size}`],
    order: 'random',
  }),
)

const way = (id: string, title: string, order: Way['order'] = 'random'): Way => ({
  id,
  title,
  args: ['--way', id],
  order,
})

export const WAYS: Readonly<Record<Protocol, readonly Way[]>> = {
  tcp: [
    way('exact', 'exact'),
    // Beside the first: so many sockets are closed and opened at every level, the others stay. What is left of the
    // differences is the ports'; the rest is that of sockets whose memory no cache has.
    {
      ...way('exact', `exact, ${SAME} of them`),
      id: 'exact-same',
      args: ['--way', 'exact', '--among', `${SAME}`],
      churnOnly: true,
    },
    way('full', 'full range'),
    ...windows,
    way('repeat', 'select, test, repeat'),
    way('default', 'kernel default', 'first-parity'),
    way('bind', 'bind(source, 0)', 'second-parity'),
    way('reuse', 'bind(source, 0), SO_REUSEADDR', 'halves'),
  ],
  udp: [
    way('exact', 'exact'),
    way('shared', 'exact, SO_REUSEPORT'),
    way('full', 'full range'),
    ...windows.slice(0, 2),
    way('default', 'kernel default'),
    way('bind', 'bind(source, 0)'),
  ],
}
