// The ruler: drawn with mouse, pen or finger over the patch, or laid by a key and moved with the arrows. Lengths are µm.

const STEP_UM = 2
const FIRST_UM = 25

export class Ruler {
  constructor(part, say, used) {
    this.part = part // stage, line (svg), length (its words)
    this.say = say
    this.used = used
    this.width_um = 1
    this.ends = null // [[x, y], [x, y]] in shares of the stage
    this.from = null
    part.stage.onpointerdown = (event) => this.press(event)
    part.stage.onpointermove = (event) => this.drag(event)
    part.stage.onpointerup = part.stage.onpointercancel = () => this.release()
  }

  get on() { return this.ends !== null }
  get um() {
    const [[x0, y0], [x1, y1]] = this.ends
    return Math.hypot(x1 - x0, y1 - y0) * this.width_um
  }

  // The width that is on the screen; a ruler laid on another width would lie, so it goes.
  scaled(width_um) {
    if (width_um !== this.width_um) this.off()
    this.width_um = width_um
  }

  toggle() {
    if (this.on) return this.off()
    const half = FIRST_UM / this.width_um / 2
    this.lay([0.5 - half, 0.5], [0.5 + half, 0.5])
    return this.say('Arrows move the ruler’s end, with Shift the whole ruler; Esc takes it away.')
  }

  off() {
    if (this.on) this.say('')
    this.ends = this.from = null
    this.part.line.toggleAttribute('hidden', true)
    this.part.length.hidden = true
  }

  lay(start, end) {
    this.used()
    this.ends = [start, end].map((point) => point.map((share) => Math.min(1, Math.max(0, share))))
    const [[x0, y0], [x1, y1]] = this.ends
    this.part.line.toggleAttribute('hidden', false)
    for (const line of this.part.line.children) {
      for (const [name, value] of Object.entries({ x1: x0, y1: y0, x2: x1, y2: y1 })) line.setAttribute(name, 100 * value)
    }
    const { length } = this.part
    length.hidden = false
    length.textContent = `${this.um < 10 ? this.um.toFixed(1) : Math.round(this.um)} µm`
    length.style.left = `${Math.min(88, Math.max(12, 50 * (x0 + x1)))}%`
    length.style.top = `${Math.max(6, 50 * (y0 + y1))}%`
  }

  // An arrow while the ruler lies: whether it was taken.
  arrow(name, whole) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[name]
    if (!this.on || !move) return false
    const moved = ([x, y]) => [x + (move[0] * STEP_UM) / this.width_um, y + (move[1] * STEP_UM) / this.width_um]
    const [start, end] = this.ends
    this.lay(whole ? moved(start) : start, moved(end))
    return true
  }

  at(event) {
    const box = this.part.stage.getBoundingClientRect()
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
  }

  press(event) {
    if (event.button !== 0) return
    this.from = this.at(event)
    this.dragged = false
    this.part.stage.setPointerCapture(event.pointerId)
  }

  drag(event) {
    if (!this.from) return
    this.dragged = true
    this.lay(this.from, this.at(event))
  }

  // A click without a drag takes the ruler away.
  release() {
    if (this.from && (!this.dragged || this.um < 1)) this.off()
    this.from = null
  }
}
