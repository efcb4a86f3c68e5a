// A draft: the grades given on a patch that is not finished yet. A reload finds it again.

export class Draft {
  constructor(session, item, tasks) {
    this.name = `mmdnet:draft:${session}:${item.patch_id}`
    this.tasks = tasks
    this.item = item
    this.grades = {} // task -> grade, or null for unknown
    this.order = [] // tasks in the order they were given, for taking back
    this.step = tasks[0]
    try { Object.assign(this, JSON.parse(localStorage.getItem(this.name)) ?? {}) } catch { localStorage.removeItem(this.name) }
  }

  get open() { return this.tasks.filter((task) => !(task in this.grades)) }
  get empty() { return this.order.length === 0 }

  give(task, grade) {
    this.grades[task] = grade
    this.order = [...this.order.filter((given) => given !== task), task]
    const at = this.tasks.indexOf(task)
    this.step = [...this.tasks.slice(at + 1), ...this.tasks.slice(0, at)].find((other) => !(other in this.grades)) ?? task
    this.keep()
  }

  takeBack() {
    const task = this.order.pop()
    delete this.grades[task]
    this.step = task
    this.keep()
  }

  keep() { localStorage.setItem(this.name, JSON.stringify({ grades: this.grades, order: this.order, step: this.step })) }
  drop() { localStorage.removeItem(this.name) }
}
