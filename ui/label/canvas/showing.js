// Showing: the patch that is due, with what lies around it and in the look the reader chose; the next one painted ahead.

import { Draft } from './draft.js'

const AHEAD = 48
const AROUND = 3 // how many times a patch's width its surroundings show

export class Showing {
  patchPath(item, context = 1) { return `/api/patch/${item.patch_id}.jpg${context > 1 ? `?context=${context}` : ''}` }
  ahead() { return this.queue.items.slice(this.at + 1, this.at + 1 + AHEAD).map((item) => this.patchPath(item)) }

  // Paint the item at `this.at`; keys that came early are taken once it is on the screen.
  async show(pressed = null) {
    if (this.closed) return undefined
    this.painted = null
    const item = this.item
    if (!item) return this.reachedEnd()
    this.draft = new Draft(this.session, item, this.tasks)
    this.accepted = []
    this.around(false)
    const path = this.patchPath(item)
    let picture = this.pictures.now(path)
    if (!picture) {
      this.view.blank(this)
      this.pictures.want(this.ahead())
      const problem = await this.pictures.get(path).then((bitmap) => { picture = bitmap }, (reason) => reason)
      if (this.closed || item !== this.item || this.painted !== null) return undefined
      if (problem && ![400, 403, 404].includes(problem.status)) return this.again(item, pressed, problem)
      if (problem) return this.unreadable(problem)
    }
    this.picture = picture
    this.painted = item.patch_id
    this.paintedAt = performance.now()
    this.seen.clear()
    this.view.patch(this, picture)
    afterPaint(() => this.afterPainted(item, pressed))
    if (this.held.length) this.release()
    return undefined
  }

  // The lab or the slide's server is away, the slide still comes, or this tab's permission has just run out: try again
  // until the picture comes.
  again(item, pressed, problem) {
    if (problem.status === 503) this.view.blank(this, problem.message)
    const wait = problem.status === 503 ? 2000 : 500
    setTimeout(() => item === this.item && this.painted === null && this.show(pressed), wait)
  }

  // A patch whose picture cannot be made may still be ignored or passed over, never graded.
  unreadable(problem) {
    this.held = this.held.filter(({ name }) => !/^\d$/.test(name))
    this.broken = this.item
    this.paintedAt = performance.now()
    this.view.blank(this, `This patch cannot be shown: ${problem.message} Ignore it, or pass over it.`)
  }

  // Whatever need not be there in the patch's first frame.
  afterPainted(item, pressed) {
    const detail = { patch: item.patch_id, ms: pressed === null ? null : performance.now() - pressed }
    window.dispatchEvent(new CustomEvent('mmdnet:painted', { detail }))
    this.queue.refill(this.at)
    if (this.painted !== item.patch_id) return
    this.view.state(this)
    this.pictures.want([...this.ahead(), this.patchPath(item, AROUND)])
    this.paintAhead()
  }

  // Have the next patch painted before it is asked for.
  async paintAhead() {
    const next = this.queue.items[this.at + 1]
    if (!next) return
    const picture = await this.pictures.get(this.patchPath(next)).catch(() => null)
    if (!this.closed && next === this.queue.items[this.at + 1] && !this.aroundShown) this.stage.ahead(picture, next.stain)
  }

  // Paint what is on the screen anew: in another look, or at another size.
  repaint() {
    if (this.painted === null) return
    if (this.aroundShown) this.around(true)
    else this.stage.show(this.picture, this.item.stain, this.item.side_um)
    this.view.state(this)
    this.paintAhead()
  }

  // What lies around the patch, while a key or the button is held.
  async around(on) {
    this.aroundHeld = on
    const { item } = this
    if (!on) {
      if (this.aroundShown && this.painted === item?.patch_id) this.stage.show(this.picture, item.stain, item.side_um)
      this.aroundShown = false
      return
    }
    if (this.painted === null) return
    const picture = await this.pictures.get(this.patchPath(item, AROUND)).catch(() => null)
    if (!picture || !this.aroundHeld || this.painted !== item.patch_id) return
    this.aroundShown = true
    this.seen.add('surroundings')
    this.stage.showAround(picture, item.stain, item.side_um * AROUND, AROUND)
  }

  // Other ways to look at the same pixels.
  brightness() { this.look(() => this.looks.brighter()) }
  contrast() { this.look(() => this.looks.sharper()) }
  haematoxylin() { this.look(() => this.looks.only('haematoxylin')) }
  counterstain() { this.look(() => this.looks.only('counterstain')) }
  plain() { this.look(() => this.looks.reset()) }
  look(change) {
    change()
    this.repaint()
  }
}

// Call back when the frame in which the page is drawn next has left the page: the first task after its animation frame.
function afterPaint(tell) {
  const channel = new MessageChannel()
  channel.port1.onmessage = () => {
    channel.port1.close()
    tell()
  }
  requestAnimationFrame(() => channel.port2.postMessage(null))
}
