// The plane: every patch a dot. Drag draws a lasso, the wheel zooms (see `wheel.js`), a drag with the right button moves.

import { abgr, fatStep } from './colours.js'
import { Frame } from './frame.js'
import { IGNORED, NO_GRADE } from './points.js'
import { guardWheel } from '../../shell/wheel.js'

const SEEN_THROUGH = 0.42 // of a patch's side
const SHOWN_PX = 44 // of the patch that stands for a kind of tissue
const LEAST_MOVE = 3 // px between corners of a lasso

export class Plane {
  constructor(box, { tasks, kind_fills: kindFills, fat_fills: fatFills }) {
    Object.assign(this, { box, tasks, kindFills, fatFills })
    this.frame = new Frame(() => [box.clientWidth, box.clientHeight])
    this.behind = box.querySelector('[data-part=behind]')
    this.dots = box.querySelector('[data-part=dots]')
    this.over = box.querySelector('[data-part=over]')
    this.points = null
    this.clusters = []
    this.pictures = { slides: new Map(), patches: new Map() } // by id, as they come
    this.which = 'slides'
    this.colour = 'grades'
    this.task = 0
    this.picture = null // what is on the sheet of dots
    this.onbegin = () => {} // a line is begun; `onlasso` or `oncancel` follows
    this.onlasso = () => {}
    this.oncancel = () => {}
    this.sized = new ResizeObserver(() => this.draw())
    this.sized.observe(box)
    this.unguard = guardWheel(box, box.querySelector('[data-part=hint]'))
    this.listen()
  }

  close() { this.unguard(); this.sized.disconnect() }

  whole() { this.frame.whole() }

  // Width of a dot in CSS px: on the slides a patch's own, but for a line between, or smaller where the slide is seen behind
  // it; on the map by how many there are.
  get dot() {
    if (this.which === 'slides') return this.points.head.side * this.frame.scale * (this.pictures.slides.size ? SEEN_THROUGH : 0.88)
    return Math.min(9, 0.55 * this.frame.side * Math.sqrt(this.frame.zoom / Math.max(this.points.n, 1)))
  }

  draw() {
    const ratio = window.devicePixelRatio || 1
    const width = Math.round(this.box.clientWidth * ratio), height = Math.round(this.box.clientHeight * ratio)
    if (!width || !height) return
    for (const layer of [this.behind, this.dots, this.over]) if (layer.width !== width || layer.height !== height) { layer.width = width; layer.height = height }
    if (this.picture?.width !== width || this.picture.height !== height) this.picture = new ImageData(width, height)
    const pixels = new Uint32Array(this.picture.data.buffer)
    pixels.fill(0)
    if (this.points) this.paint(pixels, width, height, ratio)
    const pen = this.dots.getContext('2d')
    pen.putImageData(this.picture, 0, 0)
    if (!this.points) return
    this.slidesBehind()
    this.names(pen, ratio)
  }

  // The slides themselves under their patches, each the part of it that has some.
  slidesBehind() {
    const ratio = window.devicePixelRatio || 1
    const pen = this.behind.getContext('2d')
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.clearRect(0, 0, this.behind.width, this.behind.height)
    if (this.which !== 'slides') return
    pen.scale(ratio, ratio)
    for (const { id, x, y, width, height, crop: [left, top, wide, high] } of this.points.head.slides) {
      const picture = this.pictures.slides.get(id)
      if (!picture) continue
      const from = [left * picture.width, top * picture.height, wide * picture.width, high * picture.height]
      pen.drawImage(picture, ...from, ...this.frame.toScreen(x, y), width * this.frame.scale, height * this.frame.scale)
    }
  }

  paint(pixels, width, height, ratio) {
    const { points } = this
    const { chosen } = points
    const xy = points.planes[this.which]
    const size = Math.max(2, Math.round(ratio * this.dot))
    const scale = this.frame.scale * ratio
    const [dx, dy] = this.frame.toScreen(0, 0).map((px) => px * ratio)
    const shade = this.shades()
    const some = points.count > 0
    for (const pass of some ? [0, 1] : [0]) { // what is chosen lies on top
      const mask = some && pass === 0 ? (70 << 24) | 0x00ffffff : -1 // the others are faint
      for (let n = 0; n < points.n; n += 1) {
        if (some && chosen[n] !== pass) continue
        const x = Math.round(xy[2 * n] * scale + dx - size / 2), y = Math.round(xy[2 * n + 1] * scale + dy - size / 2)
        if (!(x >= 0 && y >= 0 && x + size < width && y + size < height)) continue
        const colour = shade(n) & mask
        for (let row = y; row < y + size; row += 1) pixels.fill(colour, row * width + x, row * width + x + size)
      }
    }
  }

  // The colour of one patch as a little-endian number, opaque.
  shades() {
    const { points, task } = this
    const bare = abgr(this.box.dataset.bare)
    const ignored = abgr(this.box.dataset.ignored)
    const fills = this.tasks[task].grades.map((grade) => abgr(grade.fill))
    const kinds = this.kindFills.map(abgr)
    const fat = this.fatFills.map(abgr)
    return {
      grades: (n) => { const g = points.grades[3 * n + task]; return g === NO_GRADE ? bare : g === IGNORED ? ignored : fills[g] },
      kind: (n) => (points.kind[n] === NO_GRADE ? bare : kinds[points.kind[n] % kinds.length]),
      fat: (n) => { const share = points.fat[n]; return Number.isNaN(share) ? bare : fat[fatStep(share)] },
    }[this.colour]
  }

  // Names of slides over their boxes; of each kind of tissue its number, and the patch in its middle.
  names(pen, ratio) {
    const style = getComputedStyle(this.box)
    pen.save()
    pen.scale(ratio, ratio)
    pen.font = `12px ${style.fontFamily}`
    pen.fillStyle = style.color
    if (this.which === 'slides') {
      pen.globalAlpha = 0.75
      for (const slide of this.points.head.slides) {
        const [x, y] = this.frame.toScreen(slide.x, slide.y)
        const wide = slide.width * this.frame.scale
        if (wide > 36) pen.fillText(fitted(pen, slide.name, wide), x, y - 4)
      }
    } else {
      pen.textAlign = 'center'
      pen.font = `600 13px ${style.fontFamily}`
      pen.lineWidth = 4
      pen.strokeStyle = style.backgroundColor
      for (const { kind, nearest } of this.clusters) {
        const [x, y] = this.frame.toScreen(...this.points.planes.map.subarray(2 * nearest, 2 * nearest + 2))
        const picture = this.pictures.patches.get(this.points.id[nearest])
        if (picture) {
          pen.drawImage(picture, x - SHOWN_PX / 2, y - SHOWN_PX / 2, SHOWN_PX, SHOWN_PX)
          pen.save()
          pen.lineWidth = 2
          pen.strokeStyle = this.kindFills[kind % this.kindFills.length]
          pen.strokeRect(x - SHOWN_PX / 2, y - SHOWN_PX / 2, SHOWN_PX, SHOWN_PX)
          pen.restore()
        }
        const below = y + (picture ? SHOWN_PX / 2 + 13 : 4)
        pen.strokeText(kind + 1, x, below)
        pen.fillText(kind + 1, x, below)
      }
    }
    pen.restore()
  }

  listen() {
    const over = this.over
    const at = (event) => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top] }
    let line = null, moving = null
    over.oncontextmenu = (event) => event.preventDefault()
    over.onpointerdown = (event) => {
      if (!this.points) return
      over.setPointerCapture(event.pointerId)
      if (event.button === 0) { line = [at(event)]; this.onbegin() }
      else moving = { from: at(event), x: this.frame.x, y: this.frame.y }
      event.preventDefault()
    }
    over.onpointermove = (event) => {
      const here = at(event)
      if (moving) {
        this.frame.drag(moving, moving.from, here)
        this.draw()
      } else if (line && Math.hypot(here[0] - line.at(-1)[0], here[1] - line.at(-1)[1]) >= LEAST_MOVE) {
        line.push(here)
        this.drawLine(line)
      }
    }
    over.onpointerup = (event) => {
      if (line && line.length > 2) this.onlasso(line.map(([x, y]) => this.frame.toPlane(x, y)), event.shiftKey, event.timeStamp)
      else if (line) this.onlasso(null, event.shiftKey, event.timeStamp)
      line = null
      moving = null
      this.drawLine([])
    }
    over.onpointercancel = () => { if (line) this.oncancel(); line = null; moving = null; this.drawLine([]) }
    over.onwheel = (event) => {
      if (!this.points) return
      event.preventDefault()
      this.frame.zoomAt(at(event), Math.exp(-event.deltaY / 400))
      this.draw()
    }
  }

  drawLine(line) {
    const pen = this.over.getContext('2d')
    const ratio = window.devicePixelRatio || 1
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, this.over.width, this.over.height)
    if (line.length < 2) return
    pen.beginPath()
    pen.moveTo(...line[0])
    for (const point of line.slice(1)) pen.lineTo(...point)
    pen.closePath()
    pen.globalAlpha = 0.12
    pen.fillStyle = this.box.dataset.line
    pen.fill()
    pen.globalAlpha = 1
    pen.lineWidth = 1.5
    pen.strokeStyle = this.box.dataset.line
    pen.stroke()
  }
}

function fitted(pen, text, wide) {
  if (pen.measureText(text).width <= wide) return text
  let cut = text
  while (cut.length > 1 && pen.measureText(`${cut}…`).width > wide) cut = cut.slice(0, -1)
  return `${cut}…`
}
