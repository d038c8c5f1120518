import { maxPasswordBytes, minPasswordCharacters, type PasswordProblem } from '../../domain/password-rules.ts';

/** Why a password cannot be chosen, and what to do instead. */
export const passwordWords: Readonly<Record<PasswordProblem, string>> = {
  'too-short': `This password is too short: at least ${minPasswordCharacters} characters. A few words in a row are easy to keep in mind.`,
  'too-long': `This password is too long: at most ${maxPasswordBytes} bytes.`,
  common: 'This password is among the first that anybody tries. Add a few words of your own.',
  'about-the-account': 'This password is made of your email address or the name of this service. Choose other words.',
};
