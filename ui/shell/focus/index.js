// Leads the keys to a field of the page, once: as what asks for it is drawn. Where it is the first of several choices of
// digits, the digits lead on (`digits.js`).

import { fieldOf, leadByDigits } from './digits.js'

const TRIES = 40
const EVERY_MS = 50

const mounted = new WeakMap()

export default function ({ data, parentElement }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, lead(data))
  // Given back each time it is drawn: Streamlit ends a component by what it was given last.
  return () => { mounted.get(parentElement)?.(); mounted.delete(parentElement) }
}

function lead(data) {
  let waits = null
  const look = (left) => {
    const field = fieldOf(document, data.key)
    if (field) field.focus()
    else if (left > 0) waits = setTimeout(() => look(left - 1), EVERY_MS)
  }
  look(TRIES)
  const end = data.digits ? leadByDigits(document, data.digits, data.then) : () => {}
  return () => { clearTimeout(waits); end() }
}
