// The plane: every patch a dot. Drag draws a lasso, the wheel zooms, a drag with the right button moves.

const LEAST_MOVE = 3 // px between corners of a lasso
const MARGIN = 14 // px around the plane
const MOST_ZOOM = 60

class Plane {
  constructor(box, tasks) {
    this.box = box
    this.tasks = tasks
    this.dots = box.querySelector('[data-part=dots]')
    this.over = box.querySelector('[data-part=over]')
    this.points = null
    this.which = 'slides'
    this.colour = 'grades'
    this.task = 0
    this.picture = null // what is on the sheet of dots
    this.onbegin = () => {} // a line is begun; `onlasso` or `oncancel` follows
    this.onlasso = () => {}
    this.oncancel = () => {}
    this.whole()
    this.sized = new ResizeObserver(() => this.draw())
    this.sized.observe(box)
    this.listen()
  }

  close() { this.sized.disconnect() }

  whole() { this.zoom = 1; this.x = 0; this.y = 0 }

  get side() { return Math.max(40, Math.min(this.box.clientWidth, this.box.clientHeight) - 2 * MARGIN) }

  // From the plane's own 0-1 to CSS px, and back.
  toScreen(x, y) { return [MARGIN + (x - this.x) * this.zoom * this.side, MARGIN + (y - this.y) * this.zoom * this.side] }
  toPlane(px, py) { return [(px - MARGIN) / (this.zoom * this.side) + this.x, (py - MARGIN) / (this.zoom * this.side) + this.y] }

  // Width of a dot in CSS px: on the slides a patch's own, but for a line between; on the map by how many there are.
  get dot() {
    if (this.which === 'slides') return this.points.head.side * this.zoom * this.side * 0.88
    return Math.min(9, 0.55 * this.side * Math.sqrt(this.zoom / Math.max(this.points.n, 1)))
  }

  draw() {
    const ratio = window.devicePixelRatio || 1
    const width = Math.round(this.box.clientWidth * ratio), height = Math.round(this.box.clientHeight * ratio)
    if (!width || !height) return
    for (const layer of [this.dots, this.over]) if (layer.width !== width || layer.height !== height) { layer.width = width; layer.height = height }
    if (this.picture?.width !== width || this.picture.height !== height) this.picture = new ImageData(width, height)
    const pixels = new Uint32Array(this.picture.data.buffer)
    pixels.fill(0)
    if (this.points) this.paint(pixels, width, height, ratio)
    const pen = this.dots.getContext('2d')
    pen.putImageData(this.picture, 0, 0)
    if (this.points) this.names(pen, ratio)
  }

  paint(pixels, width, height, ratio) {
    const { points } = this
    const { chosen } = points
    const xy = points.planes[this.which]
    const size = Math.max(2, Math.round(ratio * this.dot))
    const scale = this.zoom * this.side * ratio, dx = (MARGIN - this.x * this.zoom * this.side) * ratio, dy = (MARGIN - this.y * this.zoom * this.side) * ratio
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
    const kinds = KIND_FILLS.map(abgr)
    const fat = FAT_FILLS.map(abgr)
    return {
      grades: (n) => { const g = points.grades[3 * n + task]; return g === NO_GRADE ? bare : g === IGNORED ? ignored : fills[g] },
      kind: (n) => (points.kind[n] === NO_GRADE ? bare : kinds[points.kind[n] % kinds.length]),
      fat: (n) => { const share = points.fat[n]; return Number.isNaN(share) ? bare : fat[fatStep(share)] },
    }[this.colour]
  }

  // Names of slides under their boxes; numbers of kinds at their middles.
  names(pen, ratio) {
    const style = getComputedStyle(this.box)
    pen.save()
    pen.scale(ratio, ratio)
    pen.font = `12px ${style.fontFamily}`
    pen.fillStyle = style.color
    if (this.which === 'slides') {
      pen.globalAlpha = 0.75
      for (const slide of this.points.head.slides) {
        const [x, y] = this.toScreen(slide.x, slide.y)
        const wide = slide.width * this.zoom * this.side
        if (wide > 36) pen.fillText(fitted(pen, slide.name, wide), x, y - 4)
      }
    } else if (this.colour === 'kind') {
      pen.textAlign = 'center'
      pen.textBaseline = 'middle'
      pen.font = `600 13px ${style.fontFamily}`
      pen.lineWidth = 4
      pen.strokeStyle = style.backgroundColor
      for (const [kind, [x, y]] of this.middles()) {
        const at = this.toScreen(x, y)
        pen.strokeText(kind + 1, ...at)
        pen.fillText(kind + 1, ...at)
      }
    }
    pen.restore()
  }

  middles() {
    const sums = new Map()
    const xy = this.points.planes.map
    for (let n = 0; n < this.points.n; n += 1) {
      if (this.points.kind[n] === NO_GRADE) continue
      const sum = sums.get(this.points.kind[n]) ?? [0, 0, 0]
      sum[0] += xy[2 * n]; sum[1] += xy[2 * n + 1]; sum[2] += 1
      sums.set(this.points.kind[n], sum)
    }
    return [...sums].map(([kind, [x, y, n]]) => [kind, [x / n, y / n]])
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
      else moving = { from: at(event), x: this.x, y: this.y }
      event.preventDefault()
    }
    over.onpointermove = (event) => {
      const here = at(event)
      if (moving) {
        this.x = moving.x - (here[0] - moving.from[0]) / (this.zoom * this.side)
        this.y = moving.y - (here[1] - moving.from[1]) / (this.zoom * this.side)
        this.draw()
      } else if (line && Math.hypot(here[0] - line.at(-1)[0], here[1] - line.at(-1)[1]) >= LEAST_MOVE) {
        line.push(here)
        this.drawLine(line)
      }
    }
    over.onpointerup = (event) => {
      if (line && line.length > 2) this.onlasso(line.map(([x, y]) => this.toPlane(x, y)), event.shiftKey, event.timeStamp)
      else if (line) this.onlasso(null, event.shiftKey, event.timeStamp)
      line = null
      moving = null
      this.drawLine([])
    }
    over.onpointercancel = () => { if (line) this.oncancel(); line = null; moving = null; this.drawLine([]) }
    over.onwheel = (event) => {
      if (!this.points) return
      event.preventDefault()
      this.zoomAt(at(event), Math.exp(-event.deltaY / 400))
    }
  }

  zoomAt([px, py], by) {
    const [x, y] = this.toPlane(px, py)
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * by))
    if (this.zoom === 1) { this.whole() } else {
      this.x = x - (px - MARGIN) / (this.zoom * this.side)
      this.y = y - (py - MARGIN) / (this.zoom * this.side)
    }
    this.draw()
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

const FAT_CUTS = [0.02, 0.1, 0.25]

function fatStep(share) {
  let step = 0
  for (const cut of FAT_CUTS) if (share >= cut) step += 1
  return step
}

function abgr(hex) {
  const value = parseInt(hex.slice(1), 16)
  return (0xff << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)
}

function fitted(pen, text, wide) {
  if (pen.measureText(text).width <= wide) return text
  let cut = text
  while (cut.length > 1 && pen.measureText(`${cut}…`).width > wide) cut = cut.slice(0, -1)
  return `${cut}…`
}
