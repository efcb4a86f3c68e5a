// The patches as flat arrays: where they lie on either plane, the reader's own grades, and which are chosen.

import { Loop } from './loop.js'

export const NO_GRADE = 255
export const IGNORED = 254

export class Points {
  // From the answer of /api/bulk/patches: length of a JSON head, the head, and the arrays one after another.
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true)
    this.head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)))
    const n = this.n = this.head.patches
    let at = 4 + length
    const take = (Kind, count) => { const array = new Kind(buffer, at, count); at += count * Kind.BYTES_PER_ELEMENT; return array }
    this.id = take(Uint32Array, n)
    this.planes = { slides: take(Float32Array, 2 * n), map: take(Float32Array, 2 * n) }
    this.fat = take(Float32Array, n)
    this.slide = take(Uint16Array, n)
    this.kind = take(Uint8Array, n)
    this.grades = take(Uint8Array, 3 * n) // per patch one for each task
    this.chosen = new Uint8Array(n)
    this.count = 0 // of those chosen
    this.graded = 0 // of those chosen that carry a grade of the reader's
  }

  labelled(n) { return this.grades[3 * n] !== NO_GRADE || this.grades[3 * n + 1] !== NO_GRADE || this.grades[3 * n + 2] !== NO_GRADE }

  // Choose the patches for which `wanted(n)` holds.
  choose(wanted) {
    for (let n = 0; n < this.n; n += 1) this.chosen[n] = wanted(n) ? 1 : 0
    this.recount()
  }

  toggle(n) { this.chosen[n] ^= 1; this.recount() }

  recount() {
    this.count = this.graded = 0
    for (let n = 0; n < this.n; n += 1) if (this.chosen[n]) { this.count += 1; if (this.labelled(n)) this.graded += 1 }
  }

  // Choose what lies inside a closed line of [x, y] corners on a plane, beside those already chosen if `more`.
  lasso(plane, line, more) {
    const xy = this.planes[plane], { chosen } = this
    const loop = new Loop(line)
    if (!more) chosen.fill(0)
    for (let n = 0; n < this.n; n += 1) if (loop.holds(xy[2 * n], xy[2 * n + 1])) chosen[n] = 1
    this.recount()
  }

  // Positions of the chosen patches.
  members() {
    const positions = new Uint32Array(this.count)
    for (let n = 0, k = 0; n < this.n; n += 1) if (this.chosen[n]) positions[k++] = n
    return positions
  }

  // The kinds of tissue, the first first: how many patches, the mean of their measured fat (0-1, NaN where none is known),
  // and the position of the patch nearest to their middle on the map, which stands for the kind.
  clusters() {
    const sums = new Map()
    const xy = this.planes.map
    for (let n = 0; n < this.n; n += 1) {
      if (this.kind[n] === NO_GRADE) continue
      const sum = sums.get(this.kind[n]) ?? { x: 0, y: 0, count: 0, fat: 0, measured: 0, nearest: n, far: Infinity }
      sum.x += xy[2 * n]; sum.y += xy[2 * n + 1]; sum.count += 1
      if (!Number.isNaN(this.fat[n])) { sum.fat += this.fat[n]; sum.measured += 1 }
      sums.set(this.kind[n], sum)
    }
    for (let n = 0; n < this.n; n += 1) {
      const sum = sums.get(this.kind[n])
      if (!sum) continue
      const far = (xy[2 * n] - sum.x / sum.count) ** 2 + (xy[2 * n + 1] - sum.y / sum.count) ** 2
      if (far < sum.far) Object.assign(sum, { far, nearest: n })
    }
    return [...sums].sort((a, b) => a[0] - b[0])
      .map(([kind, { count, fat, measured, nearest }]) => ({ kind, count, fat: fat / measured, nearest }))
  }

  // Chosen patches in an order drawn at random, the same for the same choice.
  drawn() {
    const order = this.members()
    const next = randomShares(order.length ^ (order[0] ?? 0))
    for (let n = order.length - 1; n > 0; n -= 1) {
      const other = Math.floor(next() * (n + 1)), kept = order[n]
      order[n] = order[other]
      order[other] = kept
    }
    return order
  }
}

// Mulberry32: numbers in [0, 1) that a seed decides.
function randomShares(seed) {
  let state = seed
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
