/** Why no program can be loaded into the kernel here, or undefined. Those of the package need no compiler. */
export function whyNoBpf(): string | undefined {
  if (process.platform !== 'linux') return 'BPF needs Linux'
  return process.getuid?.() === 0 ? undefined : 'loading BPF programs needs root'
}
