// The patches as flat arrays: where they lie on either plane, the reader's own grades, and which are chosen.

const NO_GRADE = 255
const IGNORED = 254

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
    this.count = 0
  }

  get kinds() {
    const found = new Map()
    for (const kind of this.kind) if (kind !== NO_GRADE) found.set(kind, (found.get(kind) ?? 0) + 1)
    return [...found].sort((a, b) => a[0] - b[0])
  }

  labelled(n) { return this.grades[3 * n] !== NO_GRADE || this.grades[3 * n + 1] !== NO_GRADE || this.grades[3 * n + 2] !== NO_GRADE }

  // Choose the patches for which `wanted(n)` holds, beside those already chosen if `more`.
  choose(wanted, more = false) {
    if (!more) this.chosen.fill(0)
    for (let n = 0; n < this.n; n += 1) if (wanted(n)) this.chosen[n] = 1
    this.recount()
  }

  toggle(n) { this.chosen[n] ^= 1; this.recount() }

  recount() {
    let count = 0
    for (const one of this.chosen) count += one
    this.count = count
  }

  // Choose what lies inside a closed line of [x, y] corners on a plane (even-odd rule).
  lasso(plane, line, more) {
    const xy = this.planes[plane]
    const xs = line.map((p) => p[0]), ys = line.map((p) => p[1])
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
    this.choose((n) => {
      const x = xy[2 * n], y = xy[2 * n + 1]
      return x >= x0 && x <= x1 && y >= y0 && y <= y1 && inside(x, y, xs, ys)
    }, more)
  }

  ids() { return this.members().map((n) => this.id[n]) }

  members() {
    const found = []
    for (let n = 0; n < this.n; n += 1) if (this.chosen[n]) found.push(n)
    return found
  }

  // Chosen patches in an order drawn at random, the same for the same choice.
  drawn() {
    const found = this.members()
    let state = found.length ^ (found[0] ?? 0)
    const next = () => { state = (state + 0x6D2B79F5) | 0; let t = Math.imul(state ^ (state >>> 15), 1 | state); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296 }
    for (let n = found.length - 1; n > 0; n -= 1) {
      const other = Math.floor(next() * (n + 1));
      [found[n], found[other]] = [found[other], found[n]]
    }
    return found
  }
}

function inside(x, y, xs, ys) {
  let within = false
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i, i += 1) {
    if ((ys[i] > y) !== (ys[j] > y) && x < (xs[j] - xs[i]) * (y - ys[i]) / (ys[j] - ys[i]) + xs[i]) within = !within
  }
  return within
}
