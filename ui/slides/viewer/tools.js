// The hand over the slide: it moves the slide, or draws a rectangle, a length or an area.

import { areaUm2, areaWords, lengthUm, lengthWords, onSlide, simplified } from './geometry.js'

const LEAST_PX = 6 // a drag shorter than that is a click
const STEP_PX = 3 // between two points of an outline

export class Tools {
  // `view` has `pointAt(event)` (level-0), `scale()` (displayed pixels per level-0 pixel), `redraw()`, `size` and `mpp`;
  // `done(kind, what)` is told of a click, a rectangle, a length or an area.
  constructor(view, done) {
    this.view = view
    this.done = done
    this.kind = 'move'
    this.points = []
  }

  choose(kind) {
    this.kind = kind
    this.drop()
  }

  drop() {
    this.points = []
    this.drawing = false
    this.view.redraw()
  }

  down(event) {
    this.drawing = true
    this.points = [this.view.pointAt(event)]
  }

  move(event) {
    if (!this.drawing) return
    const point = this.view.pointAt(event)
    if (this.kind !== 'area') this.points = [this.points[0], point]
    else if (this.away(this.points.at(-1), point) >= STEP_PX) this.points.push(point)
    this.view.redraw()
  }

  up(event) {
    if (!this.drawing) return
    this.move(event)
    const points = this.points
    this.drop()
    const far = Math.max(...points.map((point) => this.away(points[0], point)))
    if (far < LEAST_PX) {
      this.done('click', { x: points[0][0], y: points[0][1] })
      return
    }
    if (this.kind === 'region') this.done('region', this.corners(points))
    else this.done('drawn', this.shape(points))
  }

  away([x0, y0], [x1, y1]) { return Math.hypot(x1 - x0, y1 - y0) * this.view.scale() }

  corners(points) {
    const [a, b] = [points[0], points.at(-1)].map((point) => onSlide(point, this.view.size))
    return { x0: Math.min(a[0], b[0]), y0: Math.min(a[1], b[1]), x1: Math.max(a[0], b[0]), y1: Math.max(a[1], b[1]) }
  }

  shape(points) {
    const kept = this.kind === 'area' ? simplified(points, 1 / this.view.scale()) : points
    return this.measured(kept.map((point) => onSlide(point, this.view.size)))
  }

  measured(points) {
    const { mpp } = this.view
    const words = !mpp ? '' : this.kind === 'area' ? areaWords(areaUm2(points, mpp)) : lengthWords(lengthUm(points, mpp))
    return { kind: this.kind, points, words }
  }

  // What is being drawn at this moment, with its measure; null while nothing is.
  draft() {
    return !this.drawing || this.points.length < 2 || this.kind === 'region' ? null : this.measured(this.points)
  }

  // The rectangle that is being drawn at this moment.
  rectangle() {
    if (!this.drawing || this.points.length < 2 || this.kind !== 'region') return null
    const { x0, y0, x1, y1 } = this.corners(this.points)
    return [x0, y0, x1, y1]
  }
}
