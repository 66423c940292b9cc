// Accepts an invitation. The token is in the fragment of the emailed link, which browsers never send to a server.
// It is immediately removed from the address bar and kept only in memory. External values are set as text, not HTML.

import { ProblemError, logInAndAccept, lookUp, register } from "./invitation_service.js";

const NO_TOKEN = {
  title: "Open the link in your email",
  detail: "This page needs the complete invitation link from your email.",
  hint: "If you reloaded the page, open the link again. For your security, the link is not stored in the browser.",
};

const byId = (id) => document.getElementById(id);
const forms = [byId("register"), byId("log-in")];
const joinWith = {
  "register": (form) => register(token, { displayName: form.display_name.value.trim(), password: form.password.value }),
  "log-in": (form) => logInAndAccept(token, { email: offer.email, password: form.password.value }),
};
const token = takeToken();
let offer = null;

function takeToken() {
  const linkToken = new URLSearchParams(window.location.hash.slice(1)).get("token");
  window.history.replaceState(null, "", window.location.pathname);
  return linkToken;
}

function show(id, texts) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  fill(byId(id), texts);
  const heading = byId(id).querySelector("h1");
  document.title = `${heading.textContent} · Groundwork`;
  heading.focus();
}

function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    for (const target of element.querySelectorAll(`[data-text="${name}"]`)) target.textContent = text ?? "";
    for (const input of element.querySelectorAll(`[data-value="${name}"]`)) input.value = text ?? "";
  }
}

function announce(text) {
  byId("progress").textContent = text;
}

function showMessage({ title, detail, hint }, { mayRetry = false } = {}) {
  byId("retry").hidden = !mayRetry;
  show("message", { title, detail, hint });
}

function showOffer() {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
  show("offer", {
    organization: offer.organization_name,
    inviter: offer.inviter_name,
    role: offer.role,
    email: offer.email,
    expiresAt: format.format(new Date(offer.expires_at)),
  });
  showForm(offer.account_exists ? "log-in" : "register");
}

function showForm(id) {
  for (const form of forms) form.hidden = form.id !== id;
  clearErrors();
}

function clearErrors() {
  byId("problem").hidden = true;
  for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const error of document.querySelectorAll(".error")) error.textContent = "";
}

function showProblem(form, { title, detail, errors = [] }) {
  const otherErrors = errors.filter((error) => !showAtField(form, error)).map((error) => error.detail);
  const invalid = form.querySelector("[aria-invalid]");
  if (!invalid || otherErrors.length) {
    fill(byId("problem"), { title, detail: [detail, ...otherErrors].join(" ") });
    byId("problem").hidden = false;
  }
  (invalid ?? form.password).focus();
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

async function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  if (form.ariaBusy === "true") return;
  clearErrors();
  const errors = emptyFields(form);
  if (errors.length) showProblem(form, { errors });
  else await join(form);
}

async function join(form) {
  form.ariaBusy = "true";
  announce("Joining…");
  try {
    await joinWith[form.id](form);
    form.reset();
    show("done", { organization: offer.organization_name, role: offer.role, email: offer.email });
  } catch (error) {
    handleError(form, error);
  } finally {
    form.ariaBusy = "false";
    announce("");
  }
}

function handleError(form, error) {
  if (!(error instanceof ProblemError)) throw error;
  if (error.problem.isFinal) return showMessage(error.problem);
  if (error.problem.code !== "email-taken") return showProblem(form, error.problem);
  // The account was created in the meantime, perhaps by an earlier attempt whose response was lost.
  showForm("log-in");
  return showProblem(byId("log-in"), error.problem);
}

async function begin() {
  announce("Loading your invitation…");
  try {
    offer = await lookUp(token);
    showOffer();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    showMessage(error.problem, { mayRetry: !error.problem.isFinal });
  } finally {
    announce("");
  }
}

function togglePassword({ currentTarget: button }) {
  const input = byId(button.getAttribute("aria-controls"));
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.textContent = shown ? "Show" : "Hide";
  button.setAttribute("aria-label", `${button.textContent} password`);
}

function switchForm({ currentTarget: button }) {
  showForm(button.dataset.show);
  byId(button.dataset.show).querySelector("[name]").focus();
}

for (const form of forms) form.addEventListener("submit", submit);
for (const button of document.querySelectorAll(".secret button")) button.addEventListener("click", togglePassword);
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", switchForm);
byId("retry").addEventListener("click", begin);
// Opening another link in this tab changes only the fragment, which does not reload the page.
window.addEventListener("hashchange", () => window.location.reload());

if (token) begin();
else showMessage(NO_TOKEN);
