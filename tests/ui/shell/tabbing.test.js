import assert from 'node:assert/strict'
import { test } from 'node:test'

import { tabToFields } from '../../../ui/shell/tabbing.js'

// A page with one element of Streamlit's: its help, and the fields before and after that.
function page({ before = [], after = [] }) {
  const heard = {}, focused = []
  const field = (name, more) => ({ name, tabIndex: 0, disabled: false, closest: () => null, focus: () => focused.push(name), ...more })
  const help = { closest: (wanted) => (wanted.includes('stTooltipIcon') ? help : element) }
  const fields = [...before.map((made) => [made, 2]), [help, 0], ...after.map((made) => [made, 4])].map(([made, place]) => [made === help ? help : field(made.name ?? made, made.name ? made : {}), place])
  help.compareDocumentPosition = (other) => fields.find(([made]) => made === other)[1]
  const element = { querySelectorAll: () => fields.map(([made]) => made) }
  tabToFields({ addEventListener: (name, tell) => { heard[name] = tell } })
  const come = (key, shiftKey = false) => { heard.keydown({ key, shiftKey }); heard.focusin({ target: help }) }
  return { come, focused, click: () => { heard.pointerdown(); heard.focusin({ target: help }) } }
}

test('Tab passes over the help that stands before its field', () => {
  const { come, focused } = page({ after: [{ name: 'off', disabled: true }, { name: 'unreached', tabIndex: -1 }, 'field'] })
  come('Tab')
  assert.deepEqual(focused, ['field'])
})

test('the help is reached from its field, by the mouse, and where no field follows it', () => {
  const { come, click, focused } = page({ after: ['field'] })
  come('Tab', true)
  click()
  page({ before: ['check box'] }).come('Tab')
  assert.deepEqual(focused, [])
})
