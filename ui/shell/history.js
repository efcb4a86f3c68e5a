// One press, one step back. Streamlit makes an entry of the browser's history for the page and one more for each place that
// the page then writes into its address: the first entry after a press of the person's is a step, what follows belongs to it.
// Nothing is a step before the first press: the page then only completes the address it was opened by.

export function oneStepAPress(window) {
  const { history } = window
  const push = history.pushState
  let pressed = false
  for (const name of ['pointerdown', 'keydown', 'click']) window.addEventListener(name, () => { pressed = true }, true)
  history.pushState = function (...entry) {
    if (!pressed) return history.replaceState(...entry)
    pressed = false
    return push.apply(history, entry)
  }
}
