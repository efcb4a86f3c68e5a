// What is drawn over a slide: patches, labels, measured fat, why patches are set aside, and what was drawn by hand.

const USED = '#0f766e'
const ASIDE = '#46494d'
const LABELLED = '#cf860f'
const DRAWN = '#0b57d0'
const INK = '#141618'
const SMALLEST_PX = 3 // a patch whose outline can be told from its neighbours'
const WORDS_PX = 70 // a patch with room for a word

// Draws over one view. `place` takes a level-0 point to one on the canvas, `scale` is canvas pixels per level-0 pixel.
export class Marks {
  constructor(pen, { place, scale, size }) {
    this.pen = pen
    this.place = place
    this.scale = scale
    this.size = size
  }

  // Whatever of them is switched on: a slide may have 10,000, and this runs with every frame of a gesture.
  patches(data, on) {
    const { x, y, fat, reasons } = data.patches
    const [width, height] = data.patch_px0.map((side) => side * this.scale)
    const seen = width >= SMALLEST_PX
    const labels = (on.labels ?? on.patches) && data.patches.labelled.length > 0
    if (!((on.fat && fat) || (on.aside && reasons) || (seen && (on.patches || labels)))) return
    const aside = new Set(data.patches.aside)
    const labelled = new Set(labels ? data.patches.labelled : [])
    for (let n = 0; n < x.length; n += 1) {
      const [left, top] = this.place([x[n], y[n]])
      if (left > this.size[0] || top > this.size[1] || left + width < 0 || top + height < 0) continue
      const box = [left, top, width, height]
      if (on.fat && fat[n] !== null) this.fill(box, data.fat.colour, data.fat.opaque * Math.min(1, (100 * fat[n]) / data.fat.legend.high))
      if (on.aside && reasons[n] !== null) this.reason(box, data.reasons[reasons[n]])
      if (!seen) continue
      if (on.patches) this.patch(box, !aside.has(n))
      if (labelled.has(n)) this.dot(box)
    }
  }

  fill([left, top, width, height], colour, opaque) {
    this.pen.globalAlpha = opaque
    this.pen.fillStyle = colour
    this.pen.fillRect(left, top, Math.max(1, width), Math.max(1, height))
    this.pen.globalAlpha = 1
  }

  reason(box, { title, colour }) {
    this.fill(box, colour, 0.5)
    if (box[2] >= WORDS_PX) this.words(title, box[0] + box[2] / 2, box[1] + box[3] / 2, box[2] - 6)
  }

  patch([left, top, width, height], used) {
    const { pen } = this
    pen.lineWidth = 1
    pen.strokeStyle = used ? USED : ASIDE
    if (used) {
      pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1)
      return
    }
    this.fill([left, top, width, height], ASIDE, 0.35)
    pen.beginPath()
    pen.moveTo(left, top + height)
    pen.lineTo(left + width, top)
    pen.stroke()
  }

  dot([left, top, width, height]) {
    const { pen } = this
    pen.fillStyle = LABELLED
    pen.strokeStyle = '#fff'
    pen.lineWidth = 1
    pen.beginPath()
    pen.arc(left + width / 2, top + height / 2, Math.max(2, Math.min(7, width / 8)), 0, 7)
    pen.fill()
    pen.stroke()
  }

  chosen([x, y, width, height]) {
    const [left, top] = this.place([x, y])
    for (const [colour, line] of [['#fff', 7], [INK, 3.5]]) {
      this.pen.strokeStyle = colour
      this.pen.lineWidth = line
      this.pen.strokeRect(left, top, width * this.scale, height * this.scale)
    }
  }

  region([x0, y0, x1, y1]) {
    const [left, top] = this.place([x0, y0])
    const [right, bottom] = this.place([x1, y1])
    this.fill([left, top, right - left, bottom - top], USED, 0.16)
    for (const [colour, line] of [['#fff', 4], [USED, 2]]) {
      this.pen.strokeStyle = colour
      this.pen.lineWidth = line
      this.pen.strokeRect(left, top, right - left, bottom - top)
    }
  }

  // A line or an outline with its measure beside it.
  shape({ kind, points, words }) {
    const { pen } = this
    const placed = points.map(this.place)
    pen.beginPath()
    placed.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)))
    if (kind === 'area') pen.closePath()
    pen.lineJoin = 'round'
    for (const [colour, line] of [['#fff', 5], [DRAWN, 2.5]]) {
      pen.strokeStyle = colour
      pen.lineWidth = line
      pen.stroke()
    }
    const [x, y] = placed.reduce((best, point) => (point[1] < best[1] ? point : best))
    if (words) this.words(words, x, y - 12, 400)
  }

  words(said, x, y, widest) {
    const { pen } = this
    pen.font = '600 13px sans-serif'
    pen.textAlign = 'center'
    pen.textBaseline = 'middle'
    pen.lineJoin = 'round'
    pen.lineWidth = 4
    pen.strokeStyle = 'rgb(255 255 255 / 90%)'
    pen.strokeText(said, x, y, widest)
    pen.fillStyle = INK
    pen.fillText(said, x, y, widest)
  }
}
