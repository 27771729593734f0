/** Every sentence of the screen on a wall. */
import { gettext, interpolate } from '../i18n';

export const words = {
  title: () => gettext('Wall display'),
  typeCode: () => gettext('In the meeting room, open People, choose “Pair a screen” and type this code.'),
  spelled: (code: string) => interpolate(gettext('Code: %(code)s'), { code }),
  noCode: () => gettext('The server does not answer. A code is shown as soon as it does.'),
  asleep: () => gettext('Press a key or touch the screen to show a code.'),
  ended: () => gettext('This screen shows nothing any more.'),
  reconnecting: () => gettext('Reconnecting'),
  begins: (time: string) => interpolate(gettext('The meeting begins at %(time)s.'), { time }),
  nothingOpen: () => gettext('Nothing is on the table.'),
  onBreak: (time: string) => interpolate(gettext('Break until %(time)s'), { time }),
  loading: () => gettext('Fetching the case …'),
  unreachable: () => gettext('The case cannot be fetched now.'),
  withheld: () => gettext('What is presented now cannot be shown on this screen.'),
  informs: (who: string) => interpolate(gettext('Informs the patient: %(who)s'), { who }),
  readBack: () => gettext('Read back: is this what we decided?'),
  itemTime: () => gettext('Time on this item'),
  itemTimeOver: (time: string) => interpolate(gettext('%(time)s over'), { time }),
} as const;
