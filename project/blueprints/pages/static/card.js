// The parts that the pages behind emailed links share: cards, of which one is shown, and their forms.
// The token is in the fragment of the link, which browsers never send to a server. It is immediately removed from the
// address bar and kept only in memory. External values are set as text, not as HTML.

import { ProblemError } from "./api.js";

export const byId = (id) => document.getElementById(id);

const link = new URLSearchParams(window.location.hash.slice(1));
window.history.replaceState(null, "", window.location.pathname);
// Opening another link in this tab changes only the fragment, which does not reload the page.
window.addEventListener("hashchange", () => window.location.reload());
for (const button of document.querySelectorAll(".secret button")) button.addEventListener("click", togglePassword);

export function fromLink(name) {
  return link.get(name);
}

export function show(id, texts = {}) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  fill(byId(id), texts);
  clearErrors();
  const heading = byId(id).querySelector("h1");
  document.title = `${heading.textContent} · Groundwork`;
  heading.focus();
}

export function showMessage({ title, detail, hint }, action = null) {
  const button = byId("action");
  button.hidden = !action;
  button.textContent = action?.label ?? "";
  button.onclick = action?.run;
  show("message", { title, detail, hint });
}

export function announce(text) {
  byId("progress").textContent = text;
}

export function clearErrors() {
  for (const problem of document.querySelectorAll(".problem")) problem.hidden = true;
  for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const error of document.querySelectorAll(".error")) error.textContent = "";
}

export function showProblem(form, { title, detail, errors = [] }) {
  const otherErrors = errors.filter((error) => !showAtField(form, error)).map((error) => error.detail);
  const invalid = form.querySelector("[aria-invalid]");
  if (!invalid || otherErrors.length) {
    const problem = form.closest("section").querySelector(".problem");
    fill(problem, { title, detail: [detail, ...otherErrors].join(" ") });
    problem.hidden = false;
  }
  (invalid ?? form.querySelector("input:not([readonly]), button")).focus();
}

// Calls `send` with a form that has no empty required fields, and `onProblem` with a problem that it throws.
export function onSubmit(form, { progress, send, onProblem = () => false }) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    clearErrors();
    const errors = emptyFields(form);
    if (errors.length) showProblem(form, { errors });
    else await sendOnce(form, { progress, send, onProblem });
  });
}

async function sendOnce(form, { progress, send, onProblem }) {
  form.ariaBusy = "true";
  announce(progress);
  try {
    await send(form);
    form.reset();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (!onProblem(error.problem)) showProblem(form, error.problem);
  } finally {
    form.ariaBusy = "false";
    announce("");
  }
}

function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    for (const target of element.querySelectorAll(`[data-text="${name}"]`)) target.textContent = text ?? "";
    for (const input of element.querySelectorAll(`[data-value="${name}"]`)) input.value = text ?? "";
  }
}

function showAtField(form, { pointer, detail }) {
  const input = form.elements.namedItem(pointer.slice(1));
  if (!input) return false;
  input.setAttribute("aria-invalid", "true");
  input.closest(".field").querySelector(".error").textContent = detail;
  return true;
}

function emptyFields(form) {
  const empty = [...form.elements].filter((input) => input.required && !input.value.trim());
  return empty.map((input) => ({ pointer: `/${input.name}`, detail: "This field is required." }));
}

function togglePassword({ currentTarget: button }) {
  const input = byId(button.getAttribute("aria-controls"));
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.textContent = shown ? "Show" : "Hide";
  button.setAttribute("aria-label", `${button.textContent} password`);
}
