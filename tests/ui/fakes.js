// What a browser has and Node has not, as little of it as the modules under test use.

// A browser's storage: names are its own keys, as `Object.keys(localStorage)` needs.
class Storage {
  getItem(name) { return Object.hasOwn(this, name) ? this[name] : null }
  setItem(name, text) { this[name] = String(text) }
  removeItem(name) { delete this[name] }
}

// A fresh page: empty storage, a window that events can be sent to, frames that are drawn at once.
export function freshPage() {
  const page = { localStorage: new Storage(), window: new EventTarget(), requestAnimationFrame: (draw) => setTimeout(draw) }
  for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  return page
}

// A promise that is kept or broken from outside.
export function promised() {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

export function refusal(status, words = 'No.') { return Object.assign(new Error(words), { status }) }

// Wait until something holds; a test that waits in vain fails with what it waited for.
export async function until(holds, words = String(holds)) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (holds()) return
    await new Promise((go) => setTimeout(go, 5))
  }
  throw new Error(`never: ${words}`)
}
