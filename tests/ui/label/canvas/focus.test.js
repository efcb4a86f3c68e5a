import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { elsewhere, onControl, overConnectionNotice } from '../../../../ui/label/canvas/focus.js'

class Element {
  constructor(kind, role, text = '') { Object.assign(this, { kind, role, textContent: text }) }
  matches(selector) { return selector.split(', ').some((part) => part === this.kind || part === `[role="${this.role}"]`) }
}
beforeEach(() => { globalThis.Element = Element })
const over = (...path) => ({ composedPath: () => [...path, {}] })

test('keys in a field, a list or a dialog of the page are not the canvas’s', () => {
  for (const el of [new Element('input'), new Element('textarea'), new Element('div', 'combobox'), new Element('div', 'dialog')]) assert.ok(elsewhere(over(el)))
  assert.equal(elsewhere(over(new Element('button'), new Element('div'))), false)
})

test('Enter on a button, a link or the head of a fold presses it, though it would finish a patch elsewhere', () => {
  for (const kind of ['button', 'a[href]', 'summary']) assert.ok(onControl(over(new Element(kind), new Element('div'))))
  assert.equal(onControl(over(new Element('div'), new Element('button'))), false)
  assert.equal(onControl(over({})), false)
})

test('over the notice that the lab is away they are the patch’s', () => {
  const notice = new Element('div', 'dialog', 'Connection error. Is it running?')
  assert.ok(overConnectionNotice(over(new Element('button'), notice)))
  assert.equal(overConnectionNotice(over(new Element('div', 'dialog', 'New label session'))), false)
})
