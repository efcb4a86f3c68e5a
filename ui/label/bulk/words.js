// Choices in words.

import { patches } from '../canvas/counts.js'

// What a kind of tissue is called: its number, and how fat it is.
export function kindName({ kind, fat }) {
  return Number.isNaN(fat) ? `kind ${kind + 1}` : `kind ${kind + 1}, fat ${fat < 0.005 ? '< 1' : Math.round(100 * fat)} %`
}

// What the button says will be given: "Give steatosis 2 to", "Ignore", or nothing while nothing is chosen.
export function givenWords(given, tasks) {
  if (given.ignored) return 'Ignore'
  const chosen = tasks.filter((task) => task.name in given).map((task) => `${task.title.toLowerCase()} ${given[task.name]}`)
  return chosen.length ? `Give ${chosen.join(', ')} to` : ''
}

// The chosen grades after a press on one: a second press takes it away; a grade and "ignore" never stand together.
export function withGrade({ ignored, ...kept }, task, grade) {
  if (kept[task] === grade) delete kept[task]
  else kept[task] = grade
  return kept
}

export function savedWords(words, count) {
  return `Saved: ${words.replace(/^Give /, '').replace(/ to$/, '').replace('Ignore', 'ignored')}, ${patches(count)}.`
}
