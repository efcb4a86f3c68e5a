// What a form holds, in the tab's storage: written as it changes, told once to a page that is drawn anew, dropped when
// the form is sent or another person is signed in.

const PLACE = 'mmdnet:unsent:'

const empty = (value) => value === '' || value === null || value === undefined || value === false

export class Keeper {
  // `shown` gives what stands in a field now, undefined where it is not on the page.
  constructor(storage, shown) {
    this.storage = storage
    this.shown = shown
    this.waits = false // for the page to take back what was kept: until then its fields are empty
  }

  update(data, tell) {
    const last = this.data
    this.data = data
    this.dropOthers()
    if (!data.whose) return
    if (last?.form !== data.form || data.asked !== last.asked) {
      const kept = this.read(data.form)?.fields
      this.waits = Boolean(kept)
      if (this.waits) tell(kept)
      return
    }
    if (data.taken !== last.taken) this.waits = false
    if (data.sent !== last.sent) this.write({})
    else if (!this.waits) this.write({ ...this.read(data.form)?.fields, ...data.known })
  }

  // Keep what stands in the fields that only the browser knows.
  look() {
    if (this.waits || !this.data?.whose) return
    const { form, known, typed } = this.data
    const seen = typed.map((key) => [key, this.shown(key)]).filter(([, value]) => value !== undefined)
    this.write({ ...this.read(form)?.fields, ...known, ...Object.fromEntries(seen) })
  }

  read(form) {
    try { return JSON.parse(this.storage.getItem(PLACE + form)) } catch { return null }
  }

  write(fields) {
    const { form, whose } = this.data
    try {
      if (Object.values(fields).every(empty)) this.storage.removeItem(PLACE + form)
      else this.storage.setItem(PLACE + form, JSON.stringify({ whose, fields }))
    } catch { /* a browser that keeps nothing: after a reload the form is empty */ }
  }

  dropOthers() {
    try {
      for (const place of Object.keys(this.storage).filter((name) => name.startsWith(PLACE))) {
        if (this.read(place.slice(PLACE.length))?.whose !== this.data.whose) this.storage.removeItem(place)
      }
    } catch { /* a browser that keeps nothing */ }
  }
}
