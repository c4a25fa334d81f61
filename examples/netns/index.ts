/**
 * Network namespaces for the demo and for test/netns: hosts of their own, with cables between them, that vanish with
 * the process that made them. It lies here because tests may build on examples, but not the other way round.
 */
export { type CommandOptions, command, type Finished, findCommand, watched } from './command.js'
export { Namespace, type Port, whyNoNamespaces } from './namespace.js'
