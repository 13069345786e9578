// What HTMX does not do by itself. Pages can be read without any of it.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes(`havre_timezone=${zone}`)) {
    document.cookie = `havre_timezone=${zone}; path=/; max-age=31536000; samesite=lax`;
    if (document.documentElement.dataset.zone !== zone && navigator.cookieEnabled) location.reload();
  }

  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  const dialog = document.getElementById("dialog");
  const toasts = document.getElementById("toasts");

  function toast(text) {
    const shown = document.createElement("p");
    shown.className = "toast";
    shown.textContent = text;
    toasts.replaceChildren(shown);
    setTimeout(() => shown.remove(), 8000);
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "dialog-body") return;  // pieces of an event stream have no target
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("select, input:not([type=hidden])")?.focus();
  });
  document.addEventListener("htmx:sendError", () => toast(toasts.dataset.offline));
  document.addEventListener("htmx:responseError", (event) => {
    if (!event.detail.elt.hasAttribute("data-quiet")) toast(toasts.dataset.failed);
  });

  document.addEventListener("allauth.error", (event) => { event.preventDefault(); toast(toasts.dataset.key); });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) { event.preventDefault(); dialog.close(); }
    if (event.target === dialog) dialog.close();
  });

  // The button of what destroys works once the name is typed; the server asks for it too.
  document.addEventListener("input", (event) => {
    const wanted = event.target.dataset.confirm;
    if (!wanted) return;
    for (const button of event.target.form.querySelectorAll("[data-needs-confirm]")) {
      button.disabled = event.target.value.trim() !== wanted;
    }
  });
  function arm(root) {
    for (const input of root.querySelectorAll("input[data-confirm]")) {
      for (const button of input.form.querySelectorAll("[data-needs-confirm]")) button.disabled = true;
    }
  }
  document.addEventListener("htmx:load", (event) => arm(event.detail.elt));

  // A log stays at its end while it grows, unless somebody scrolled up to read.
  const log = document.getElementById("log");
  if (log) {
    const toEnd = () => { log.scrollTop = log.scrollHeight; };
    let stays = true;
    log.addEventListener("scroll", () => { stays = log.scrollHeight - log.scrollTop - log.clientHeight < 40; });
    new MutationObserver(() => { if (stays) toEnd(); }).observe(log, { childList: true });
    toEnd();
  }
  // The editor is as high as its text, so that numbers stand beside their lines; a problem leads to its line.
  const editor = document.getElementById("f-manifest");
  if (editor) {
    const gutter = editor.closest(".editor").querySelector(".gutter");
    const number = () => {
      const wanted = editor.value.split("\n").length;
      if (gutter.childElementCount !== wanted) {
        gutter.replaceChildren(...Array.from({ length: wanted }, (_each, index) => {
          const line = document.createElement("span");
          line.textContent = index + 1;
          return line;
        }));
        editor.rows = wanted;
      }
      mark();
    };
    const mark = () => {
      const wrong = new Set(Array.from(document.querySelectorAll("[data-line]"), (each) => each.dataset.line));
      for (const line of gutter.children) line.classList.toggle("wrong", wrong.has(line.textContent));
    };
    editor.addEventListener("input", number);
    document.addEventListener("htmx:afterSwap", mark);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-line]");
      if (!link) return;
      event.preventDefault();
      const lines = editor.value.split("\n");
      const begin = lines.slice(0, link.dataset.line - 1).join("\n").length + (link.dataset.line > 1);
      editor.focus();
      editor.setSelectionRange(begin, begin + lines[link.dataset.line - 1].length);
      gutter.children[link.dataset.line - 1].scrollIntoView({ block: "center" });
    });
    number();
  }
  document.addEventListener("htmx:sseMessage", (event) => {
    if (event.detail.type === "over") setTimeout(() => location.reload(), 300);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
})();
