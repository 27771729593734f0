/** Entry point of every page: the look, htmx, and small behaviours. Each page works without them. */
import '../css/main.css';
import { configureHtmx } from './pages/htmx';
import { codeFields } from './pages/codes';
import { copyButtons } from './pages/copy';
import { dialogs } from './pages/dialogs';
import { drafts } from './pages/drafts';
import { errorsSummary } from './pages/errors';
import { fillButtons } from './pages/fill';
import { guardForms } from './pages/guard';
import { here } from './pages/here';
import { keys } from './pages/keys';
import { menus } from './pages/menus';
import { printButtons } from './pages/print';
import { remember } from './pages/remember';
import { said } from './pages/said';
import { sendOnce } from './pages/send';
import { showIf } from './pages/showif';
import { themeSwitch } from './pages/theme';
import { tickAll } from './pages/tick';
import { uploads } from './pages/uploads';

const page = document;

configureHtmx(page);
themeSwitch(page);
here(page);
menus(page);
dialogs(page);
guardForms(page);
codeFields(page);
drafts(page); // before sendOnce: a button that has to wait is not sent yet
sendOnce(page);
showIf(page);
keys(page);
copyButtons(page);
printButtons(page);
fillButtons(page);
uploads(page);
tickAll(page);
errorsSummary(page);
remember(page);
said(page);

for (const element of page.querySelectorAll<HTMLElement>('[data-needs-script]')) element.hidden = false;
