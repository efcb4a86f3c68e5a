import assert from 'node:assert/strict'
import { test } from 'node:test'

import { foldOnTablets } from '../../../ui/shell/side_bar.js'

const NAME = 'stSidebarCollapsed-/lab'

function windowOf(innerWidth, kept = {}) {
  const proto = {
    getItem(name) { return Object.hasOwn(kept, name) ? kept[name] : null },
    setItem(name, value) { kept[name] = String(value) },
  }
  const made = { innerWidth, kept, folded: 0, localStorage: Object.create(proto) }
  made.document = { querySelector: () => ({ click: () => { made.folded += 1 } }) }
  made.addEventListener = (kind, act) => { made.press = (within) => act({ target: { closest: (asked) => asked.includes(within) || null } }) }
  foldOnTablets(made)
  return made
}

test('on a tablet the side bar begins folded, and opening it there is not kept', () => {
  const tablet = windowOf(820, { [NAME]: 'false' })
  assert.equal(tablet.localStorage.getItem(NAME), 'true')
  tablet.localStorage.setItem(NAME, 'true')
  assert.equal(tablet.kept[NAME], 'false')
  tablet.localStorage.setItem('other', '1')
  assert.equal(tablet.localStorage.getItem('other'), '1')
})

test('a wide window keeps what was chosen there', () => {
  const wide = windowOf(1280)
  assert.equal(wide.localStorage.getItem(NAME), null)
  wide.localStorage.setItem(NAME, 'true')
  assert.equal(wide.kept[NAME], 'true')
  wide.press('stMain')
  assert.equal(wide.folded, 0)
})

test('on a tablet a press on the page or on a link of the side bar folds it, one on its choices does not', () => {
  const tablet = windowOf(1024)
  for (const within of ['stMain', 'stSidebarNavLink']) tablet.press(within)
  assert.equal(tablet.folded, 2)
  tablet.press('stSelectbox')
  assert.equal(tablet.folded, 2)
})
