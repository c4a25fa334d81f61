/**
 * Okabe's and Ito's colours (https://jfly.uni-koeln.de/color/), which people who see few colours can tell apart, without
 * their black; the most different ones first.
 */
export const COLOURS = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#F0E442'] as const

/** The nearest of the 256 colours that terminals have (`ESC [48;5;n m`). */
export const TERMINAL_COLOURS = [25, 172, 36, 175, 74, 166, 227] as const

/** What unowned ports are drawn in. */
export const UNOWNED_COLOUR = '#ECECEC'
