// The dialog in which a reader gives acts other keys. A key that does something else already is refused; what was chosen
// holds when the lab has kept it.

import { make } from './dom.js'
import { keyOf, keyWords, problemWith } from './keys.js'

export class KeyDialog {
  constructor(part, data, api, changed) {
    Object.assign(this, { part, api, changed })
    this.names = data.acts // act -> words
    this.usual = data.usual_keys
    this.taken = data.taken_keys
    this.keys = { ...data.keys }
    this.waiting = null // the act whose new key is waited for
    part.keys.onclick = (event) => this.click(event)
    part.keys.onkeydown = (event) => this.press(event)
  }

  get open() { return !this.part.keys.hidden }

  show() {
    this.before = { ...this.keys }
    this.waiting = null
    this.part.keys.hidden = false
    this.draw()
    this.part.keys.querySelector('button').focus()
  }

  hide() {
    this.part.keys.hidden = true
    this.changed()
  }

  // The lines anew; the keyboard stays on the one that was changed or is being changed.
  draw(problem = '', at = this.waiting) {
    this.part.keylist.replaceChildren(...Object.entries(this.names).map(([name, words]) => {
      const row = make('button', 'keyrow')
      row.type = 'button'
      row.dataset.act = name
      row.setAttribute('aria-pressed', String(this.waiting === name))
      row.append(make('span', '', words), make('kbd', '', this.waiting === name ? 'press a key' : keyWords(this.keys[name])))
      return row
    }))
    this.part.keyproblem.textContent = problem
    if (at) this.part.keylist.querySelector(`[data-act="${at}"]`).focus()
  }

  click(event) {
    const button = event.composedPath().find((el) => el instanceof HTMLButtonElement)
    if (!button) return
    event.stopPropagation()
    const { act, does } = button.dataset
    if (act) this.waitFor(act)
    else if (does === 'reset') { this.keys = { ...this.usual }; this.waiting = null; this.draw('These are the usual keys; Save keeps them.') }
    else if (does === 'save') this.save()
    else this.cancel()
  }

  waitFor(act) {
    this.waiting = act
    this.draw()
  }

  cancel() {
    this.keys = this.before
    this.hide()
  }

  press(event) {
    event.stopPropagation()
    if (event.key === 'Escape') {
      event.preventDefault()
      if (this.waiting) this.settle(this.waiting)
      else this.cancel()
    } else if (event.key === 'Tab') this.keepInside(event)
    else if (this.waiting) {
      event.preventDefault()
      this.take(event)
    }
  }

  take(event) {
    if (['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'Dead'].includes(event.key)) return undefined
    const act = this.waiting
    const key = keyOf(event)
    const problem = problemWith(key, act, this)
    if (problem) return this.draw(problem)
    this.keys[act] = key
    return this.settle(act)
  }

  // No key is waited for any more.
  settle(act) {
    this.waiting = null
    this.draw('', act)
  }

  async save() {
    try {
      this.keys = (await this.api.post('/api/label/keys', { keys: this.keys })).keys
      this.hide()
    } catch (problem) {
      this.draw(problem.status ? problem.message : 'The lab does not answer; your keys are not kept yet. Try again.')
    }
  }

  keepInside(event) {
    const all = [...this.part.keys.querySelectorAll('button')]
    const at = all.indexOf(event.composedPath()[0])
    event.preventDefault()
    all[(at + (event.shiftKey ? -1 : 1) + all.length) % all.length].focus()
  }
}
