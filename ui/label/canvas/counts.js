// Counts in words.

export function number(n) { return n.toLocaleString('en-GB') }
export function patches(n) { return `${number(n)} ${n === 1 ? 'patch' : 'patches'}` }
