// Tab leads from field to field. Streamlit puts the help of a field before it in the order of the keys: who tabs on and types
// would type at the help. It is passed over on the way forward, and reached by Shift Tab from its field.

const HELP = '[data-testid="stTooltipIcon"]'
const FIELDS = 'input, textarea, select, button, [tabindex="0"]'

export function tabToFields(window) {
  let forward = false
  window.addEventListener('keydown', ({ key, shiftKey }) => { forward = key === 'Tab' && !shiftKey }, true)
  window.addEventListener('pointerdown', () => { forward = false }, true)
  window.addEventListener('focusin', ({ target }) => {
    const help = forward && target.closest?.(HELP)
    if (help) fieldOf(help)?.focus()
  }, true)
}

// The field that this help stands before, within the same element of the page.
function fieldOf(help) {
  const all = help.closest('[data-testid="stElementContainer"]')?.querySelectorAll(FIELDS) ?? []
  const after = [...all].filter((field) => help.compareDocumentPosition(field) & 4) // DOCUMENT_POSITION_FOLLOWING
  return after.find((field) => !field.disabled && field.tabIndex >= 0 && !field.closest(HELP))
}
