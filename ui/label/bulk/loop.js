// A closed line, by the even-odd rule. Its edges are kept by bands of height, so that a point meets only those beside it.

const BANDS = 64

export class Loop {
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
