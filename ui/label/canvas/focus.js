// Whose a key is: the canvas's, or that of a field, a list or a dialog of the page.

// Streamlit lays a "Connection error" over the page when the lab is away. The canvas says so itself, more quietly, and
// labels go on: the notice is closed, and the keys are the canvas's again.
export function withoutConnectionNotice(back) {
  const close = () => {
    for (const dialog of document.querySelectorAll('[role="dialog"]')) {
      if (!isConnectionNotice(dialog)) continue
      dialog.querySelector('button[aria-label="Close"]')?.click()
      setTimeout(back)
    }
  }
  const watcher = new MutationObserver(close)
  watcher.observe(document.body, { childList: true })
  return () => watcher.disconnect()
}

function isConnectionNotice(el) { return el.matches?.('[role="dialog"]') && el.textContent.startsWith('Connection error') }

// Whether a key fell on that notice in the moment before it was closed: it was meant for the patch.
export function overConnectionNotice(event) { return event.composedPath().some(isConnectionNotice) }

// Whether the reader is typing somewhere else: a field, a list, a dialog of the page.
export function elsewhere(event) {
  return event.composedPath().some((el) => el instanceof Element && (
    el.matches('input, textarea, select, [contenteditable="true"], [role="combobox"], [role="listbox"], [role="dialog"]')
  ))
}

// Whether the key fell on a control that Enter or Space presses: a button, a link of the menu, the head of a fold.
export function onControl(event) {
  const [el] = event.composedPath()
  return el instanceof Element && el.matches('button, a[href], summary')
}
