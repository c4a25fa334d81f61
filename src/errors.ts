/**
 * Every failure of this library: classes, codes and the functions that make them. One page a person: docs/errors.md.
 *
 * What the system or the socket's state refuses is a `UdpDsrError`. What the caller got wrong is an
 * `ArgumentTypeError` or `ArgumentRangeError`, because programs written for `node:dgram` expect a `TypeError` or a
 * `RangeError` there, and a class has one parent. All of them carry a literal `code` that never changes; messages may.
 */
export * from './errors/argument.js'
export * from './errors/base.js'
export * from './errors/bpf.js'
export * from './errors/codes.js'
export * from './errors/config.js'
export * from './errors/control.js'
export * from './errors/discovery.js'
export * from './errors/egress.js'
export * from './errors/flow-group.js'
export * from './errors/forwarder.js'
export * from './errors/health.js'
export * from './errors/port-plan.js'
export * from './errors/port-window.js'
export * from './errors/proxy.js'
export * from './errors/quic-lb.js'
export * from './errors/send-queue.js'
export * from './errors/source.js'
export * from './errors/state.js'
export * from './errors/system.js'
export * from './errors/unsupported.js'
