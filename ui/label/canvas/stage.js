// The picture: two sheets, one on top of the other. The next patch is painted ahead on the sheet below, so that showing it
// is no more than changing which sheet lies on top. What changes the look of a picture works on a copy of its pixels.

const SCALE_UM = [10, 20, 25, 50, 100, 200, 500]

export class Stage {
  constructor(part, looks) {
    this.part = part
    this.looks = looks
    this.sheets = [part.sheet, part.other].map((canvas) => ({ canvas, pen: canvas.getContext('2d', { alpha: false }), drawn: null }))
    this.top = 0
    this.side = 598 // screen pixels
    this.width_um = null
    this.empty = true
  }

  // How large the patch is on this screen; whatever is painted is painted anew.
  resize() {
    const side = Math.round(this.part.stage.clientWidth * (window.devicePixelRatio || 1))
    if (!side || side === this.side) return false
    this.side = side
    for (const sheet of this.sheets) sheet.drawn = null
    return true
  }

  // Paint a picture on the sheet below, to be shown later.
  ahead(picture, stain) { if (picture) this.draw(this.sheets[1 - this.top], picture, stain) }

  show(picture, stain, width_um) {
    const name = this.name(picture, stain)
    if (this.sheets[this.top].drawn !== name) {
      this.draw(this.sheets[1 - this.top], picture, stain)
      this.top = 1 - this.top
      this.sheets.forEach(({ canvas }, n) => canvas.classList.toggle('top', n === this.top))
    }
    if (this.empty) this.part.stage.classList.remove('empty')
    this.empty = false
    this.scale(width_um)
  }

  // Three times the patch's width, with the patch outlined so that it shows on any ground.
  showAround(picture, stain, width_um, times) {
    this.show(picture, stain, width_um)
    const { pen } = this.sheets[this.top]
    const { side } = this
    pen.save()
    pen.lineWidth = Math.max(2, side / 300)
    for (const [colour, dash] of [['#ffffff', []], ['#14181b', [side / 80, side / 80]]]) {
      pen.strokeStyle = colour
      pen.setLineDash(dash)
      pen.strokeRect((side * (times - 1)) / 2 / times, (side * (times - 1)) / 2 / times, side / times, side / times)
    }
    pen.restore()
  }

  blank(words) {
    this.empty = true
    this.part.stage.classList.add('empty')
    this.part.message.textContent = words
  }

  // A picture's number, its look, and its size on the screen: what is on a sheet.
  name(picture, stain) {
    Stage.numbers ??= new WeakMap()
    if (!Stage.numbers.has(picture)) Stage.numbers.set(picture, (Stage.count = (Stage.count ?? 0) + 1))
    return `${Stage.numbers.get(picture)} ${this.looks.name} ${stain} ${this.side}`
  }

  draw(sheet, picture, stain) {
    const name = this.name(picture, stain)
    if (sheet.drawn === name) return
    const { canvas, pen } = sheet
    if (canvas.width !== this.side) canvas.width = canvas.height = this.side
    pen.imageSmoothingQuality = 'high'
    pen.drawImage(this.looks.of(picture, stain), 0, 0, this.side, this.side)
    sheet.drawn = name
  }

  scale(width_um) {
    if (this.width_um === width_um) return
    this.width_um = width_um
    const um = scaleLength(width_um)
    this.part.bar.style.width = `${(100 * um) / width_um}%`
    this.part.um.textContent = `${um} µm`
    this.onscale?.(width_um)
  }
}

// The length of the scale bar for a picture this wide: the longest of the round ones that leaves room beside it.
export function scaleLength(width_um) { return SCALE_UM.filter((length) => length <= width_um / 2.4).at(-1) ?? SCALE_UM[0] }
