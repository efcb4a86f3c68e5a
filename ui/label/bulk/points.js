// The patches as flat arrays: where they lie on either plane, the reader's own grades, and which are chosen.

const NO_GRADE = 255
const IGNORED = 254
const BANDS = 64

class Points {
  // From the answer of /api/bulk/patches: length of a JSON head, the head, and the arrays one after another.
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true)
    this.head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)))
    const n = this.n = this.head.patches
    let at = 4 + length
    const take = (Kind, count) => { const found = new Kind(buffer, at, count); at += count * Kind.BYTES_PER_ELEMENT; return found }
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

  get kinds() {
    const found = new Map()
    for (const kind of this.kind) if (kind !== NO_GRADE) found.set(kind, (found.get(kind) ?? 0) + 1)
    return [...found].sort((a, b) => a[0] - b[0])
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
    const found = new Uint32Array(this.count)
    for (let n = 0, k = 0; n < this.n; n += 1) if (this.chosen[n]) found[k++] = n
    return found
  }

  // Chosen patches in an order drawn at random, the same for the same choice.
  drawn() {
    const found = this.members()
    let state = found.length ^ (found[0] ?? 0)
    const next = () => { state = (state + 0x6D2B79F5) | 0; let t = Math.imul(state ^ (state >>> 15), 1 | state); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296 }
    for (let n = found.length - 1; n > 0; n -= 1) {
      const other = Math.floor(next() * (n + 1)), kept = found[n]
      found[n] = found[other]
      found[other] = kept
    }
    return found
  }
}

// A closed line, by the even-odd rule. Its edges are kept by bands of height, so that a point meets only those beside it.
class Loop {
  constructor(line) {
    const xs = line.map((p) => p[0]), ys = line.map((p) => p[1])
    Object.assign(this, { x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys) })
    this.scale = BANDS / (this.y1 - this.y0 || 1)
    const bands = Array.from({ length: BANDS }, () => [])
    line.forEach(([x, y], n) => {
      const [ex, ey] = line.at(n - 1)
      if (y === ey) return
      const last = this.band(Math.max(y, ey))
      for (let band = this.band(Math.min(y, ey)); band <= last; band += 1) bands[band].push(x, y, ey, (ex - x) / (ey - y))
    })
    this.bands = bands.map((edges) => Float64Array.from(edges))
  }

  band(y) { return Math.min(BANDS - 1, Math.floor((y - this.y0) * this.scale)) }

  holds(x, y) {
    if (!(x >= this.x0 && x <= this.x1 && y >= this.y0 && y <= this.y1)) return false
    const edges = this.bands[this.band(y)]
    let within = false
    for (let n = 0; n < edges.length; n += 4) {
      if ((edges[n + 1] > y) !== (edges[n + 2] > y) && x < edges[n] + (y - edges[n + 1]) * edges[n + 3]) within = !within
    }
    return within
  }
}
