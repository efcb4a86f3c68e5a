// Leads the keys to a field of the page, or the page to its top, once, as what asks for it is drawn; or listens to digits
// that grade (`digits.js`).

import { fieldOf, gradeByDigits } from './digits.js'

const TRIES = 40
const EVERY_MS = 50

const mounted = new WeakMap()

export default function ({ data, parentElement }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, begin(data))
  // Given back each time it is drawn: Streamlit ends a component by what it was given last.
  return () => { mounted.get(parentElement)?.(); mounted.delete(parentElement) }
}

function begin({ digits, top, key, ...keys }) {
  if (digits) return gradeByDigits(document, { digits, ...keys })
  if (top) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0)
  return key ? lead(key) : () => {}
}

function lead(key) {
  let waits = null
  const look = (left) => {
    const field = fieldOf(document, key)
    if (field) field.focus()
    else if (left > 0) waits = setTimeout(() => look(left - 1), EVERY_MS)
  }
  look(TRIES)
  return () => clearTimeout(waits)
}
