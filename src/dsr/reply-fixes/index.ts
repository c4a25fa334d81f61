import { bind } from './bind.js'
import { cgroup } from './cgroup.js'
import type { Definition, ReplyFix, ReplyFixName } from './fix.js'
import { iptables } from './iptables.js'
import { nft } from './nft.js'
import { pktinfo } from './pktinfo.js'
import { readTarget } from './target.js'
import { tc } from './tc.js'

/** The ways to give the replies of a backend the right source, from those that change the program to those that do not. */
export const replyFixes: Readonly<Record<ReplyFixName, ReplyFix>> = {
  pktinfo: fix(pktinfo),
  bind: fix(bind),
  cgroup: fix(cgroup),
  tc: fix(tc),
  nft: fix(nft),
  iptables: fix(iptables),
}

function fix(definition: Definition): ReplyFix {
  return {
    ...definition,
    commands: (target) => definition.commands(readTarget(target)),
    undo: (target) => definition.undo?.(readTarget(target)),
  }
}
