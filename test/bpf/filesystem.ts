import { whyNoNamespaces } from '../../examples/netns/index.js'

/**
 * Starts a program where it has a BPF filesystem of its own, which is gone when the last of its processes is. What stands
 * before a command line.
 */
export const WITH_BPF_FILESYSTEM: readonly string[] = [
  ...['unshare', '--mount', '--propagation', 'private'],
  ...['sh', '-c', 'mount -t bpf bpf /sys/fs/bpf && exec "$0" "$@"'],
]

/** The same, where only another user may write. */
export const WITH_FOREIGN_BPF_FILESYSTEM: readonly string[] = [
  ...['unshare', '--mount', '--propagation', 'private'],
  ...['sh', '-c', 'mount -t bpf bpf /sys/fs/bpf && chmod 755 /sys/fs/bpf && chown 1 /sys/fs/bpf && exec "$0" "$@"'],
]

/** Starts a program where no BPF filesystem is mounted, whatever the host has. */
export const WITHOUT_BPF_FILESYSTEM: readonly string[] = [
  ...['unshare', '--mount', '--propagation', 'private'],
  ...['sh', '-c', 'mount -t tmpfs none /sys/fs/bpf && exec "$0" "$@"'],
]

/** Why a test cannot have one, or undefined. Mounting needs what network namespaces need. */
export const whyNoBpfFilesystem = whyNoNamespaces
