// One press, one step back. Streamlit makes an entry of the browser's history for the page and one more for each place that
// the page then writes into its address: the first entry after a press of the person's is a step, what follows belongs to it.
// Nothing is a step before the first press: the page then only completes the address it was opened by. Nor is what shows the
// same page as before: going back from it would change nothing to see.

export function oneStepAPress(window) {
  const { history } = window
  const push = history.pushState
  let pressed = false
  for (const name of ['pointerdown', 'keydown', 'click']) window.addEventListener(name, () => { pressed = true }, true)
  window.addEventListener('popstate', () => { pressed = false }) // what the page then corrects belongs to going back
  history.pushState = function (...entry) {
    if (!pressed || showsTheSame(window.location.href, entry[2])) return history.replaceState(...entry)
    pressed = false
    return push.apply(history, entry)
  }
}

// Whether two addresses are of one view. The page of labels opens a session even where none is named, and shows the slide and
// the patch of an address in a dialog alone.
function showsTheSame(now, next) {
  if (next === undefined || next === null) return false
  const [from, to] = [new URL(now), new URL(next, now)]
  if (from.pathname !== to.pathname) return false
  const names = new Set([...from.searchParams.keys(), ...to.searchParams.keys()])
  const labels = from.pathname.endsWith('/label')
  return [...names].every((name) => {
    const [before, after] = [from, to].map(({ searchParams }) => searchParams.get(name))
    if (before === after) return true
    return labels && (name === 'slide' || name === 'patch' || (name === 'session' && before === null))
  })
}
