// Accepts an invitation.

import { ProblemError, post } from "./api.js";
import { announce, byId, clearErrors, fromLink, onSubmit, show, showMessage, showProblem } from "./card.js";

const NO_TOKEN = {
  title: "Open the link in your email",
  detail: "This page needs the complete invitation link from your email.",
  hint: "If you reloaded the page, open the link again. For your security, the link is not stored in the browser.",
};
const INVALID_LINK = {
  title: "Invalid invitation link",
  detail: "This link does not belong to an invitation. It may be incomplete.",
  hint: "Open the link directly from your email, or ask for a new invitation.",
};
// Problems that make this invitation unusable, each with a hint for the user.
const FINAL = {
  "already-a-member": "There is nothing left to do.",
  "invitation-already-accepted": "If you accepted it, you are already a member and there is nothing left to do.",
  "invitation-expired": "Ask the person who invited you for a new invitation.",
  "invitation-replaced": "Open the link in the latest email.",
};

const forms = [byId("register"), byId("log-in")];
const token = fromLink("token");
let offer = null;

async function begin() {
  announce("Loading your invitation…");
  try {
    offer = await post("/invitations/lookup", { token });
    showOffer();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    // A token that is too long or too short fails validation. To the user, it is just an invalid link.
    if (error.problem.code === "validation-failed") showMessage(INVALID_LINK);
    else if (!showFinal(error.problem)) showMessage(error.problem, { label: "Try again", run: begin });
  } finally {
    announce("");
  }
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

async function register(form) {
  const body = { token, password: form.password.value, display_name: form.display_name.value.trim() };
  await post("/invitations/register", body);
  showDone();
}

async function logInAndAccept(form) {
  const session = await post("/auth/login", { email: offer.email, password: form.password.value });
  try {
    await post("/invitations/accept", { token }, session.access_token);
  } finally {
    // The session was needed only for this request and must not outlive the page.
    await post("/auth/logout", undefined, session.access_token).catch(() => null);
  }
  showDone();
}

function showDone() {
  show("done", { organization: offer.organization_name, role: offer.role, email: offer.email });
}

function onProblem(problem) {
  if (showFinal(problem)) return true;
  if (problem.code !== "email-taken") return false;
  // The account was created in the meantime, perhaps by an earlier attempt whose response was lost.
  showForm("log-in");
  showProblem(byId("log-in"), problem);
  return true;
}

function showFinal(problem) {
  if (problem.code === "not-found") showMessage(INVALID_LINK);
  else if (problem.code in FINAL) showMessage({ ...problem, hint: FINAL[problem.code] });
  else return false;
  return true;
}

async function resetPassword() {
  announce("Sending…");
  try {
    await post("/auth/password-reset", { email: offer.email });
    const detail = `We sent an email to ${offer.email} with a link to choose a new password.`;
    const hint = "After that, come back to this page, or open the invitation link again.";
    showMessage({ title: "Check your email", detail, hint }, { label: "Back to the invitation", run: showOffer });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    showProblem(byId("log-in"), error.problem);
  } finally {
    announce("");
  }
}

function switchForm({ currentTarget: button }) {
  showForm(button.dataset.show);
  byId(button.dataset.show).querySelector("[name]").focus();
}

onSubmit(byId("register"), { progress: "Joining…", send: register, onProblem });
onSubmit(byId("log-in"), { progress: "Joining…", send: logInAndAccept, onProblem });
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", switchForm);
byId("forgot").addEventListener("click", resetPassword);

if (token) begin();
else showMessage(NO_TOKEN);
