// Which part of the plane is seen: the plane's own coordinates are 0-1, those of the screen CSS px.

const MARGIN = 14 // px around the plane
const MOST_ZOOM = 60
const SMALLEST_PX = 40

export class Frame {
  // `size` says how wide and high the box is now, in CSS px.
  constructor(size) {
    this.size = size
    this.whole()
  }

  whole() { this.zoom = 1; this.x = 0; this.y = 0 }

  get side() { return Math.max(SMALLEST_PX, Math.min(...this.size()) - 2 * MARGIN) }
  get scale() { return this.zoom * this.side } // CSS px per side of the plane

  toScreen(x, y) { return [MARGIN + (x - this.x) * this.scale, MARGIN + (y - this.y) * this.scale] }
  toPlane(px, py) { return [(px - MARGIN) / this.scale + this.x, (py - MARGIN) / this.scale + this.y] }

  // Nearer or farther by a factor; what lies under the pointer stays there.
  zoomAt([px, py], by) {
    const [x, y] = this.toPlane(px, py)
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * by))
    if (this.zoom === 1) return this.whole()
    this.x = x - (px - MARGIN) / this.scale
    this.y = y - (py - MARGIN) / this.scale
    return undefined
  }

  // Move with the pointer; `start` is where the frame was when it was at `from`.
  drag(start, from, to) {
    this.x = start.x - (to[0] - from[0]) / this.scale
    this.y = start.y - (to[1] - from[1]) / this.scale
  }
}
