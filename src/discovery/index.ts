/**
 * Where backends come from: files, DNS, etcd, or whatever has a `Provider`; and how they make themselves known. Can be imported
 * everywhere.
 *
 * @module
 */

export { DiscoveryError } from '../errors.js'
export { channels } from './channels.js'
export { Discovery, type DiscoveryOptions, type Membership } from './discovery.js'
export { type DnsMembersOptions, dnsMembers } from './dns-members.js'
export { type PublishDigestOptions, type PublishedDigest, publishDigest, watchDigests } from './etcd/digests.js'
export { etcdMembers } from './etcd/etcd-members.js'
export type { LeaseState } from './etcd/leased-key.js'
export type { EtcdOptions } from './etcd/options.js'
export { type RegisterOptions, type Registration, register } from './etcd/register.js'
export { type FileMembersOptions, fileMembers } from './file-members.js'
export type { Member, MemberName, MemberState } from './member.js'
export type { Delta, Provider, Snapshot, Stale, UnreadableMember, Update, WatchOptions } from './provider.js'
export type { HeldRemoval } from './removal-guard.js'
export type { StaleSource } from './source-table.js'
export { staticMembers } from './static-members.js'
