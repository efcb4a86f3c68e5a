// What stands in a field of the page, by Streamlit's key.

const widget = (key) => document.querySelector(`.st-key-${CSS.escape(key)}`)

// A tick, a text or a number as it was written; undefined where the field is not on the page.
export function shown(key) {
  const input = widget(key)?.querySelector('input, textarea')
  if (!input) return undefined
  return input.type === 'checkbox' ? input.checked : input.value
}
