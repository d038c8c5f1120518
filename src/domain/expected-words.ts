/**
 * Words that passwords are made of when nobody thinks: the bases of the most common passwords of published breaches, as far as
 * they are long enough to matter here. A full breach list would add nothing: nearly all of its entries are shorter than the
 * 15 characters that are asked for, and the longer ones are repetitions and combinations of these.
 */
export const expectedWords: readonly string[] = (
  'password passwort passw0rd p4ssword p455w0rd motdepasse contrasena contraseña wachtwoord senha hasło haslo parola пароль ' +
  'qwerty qwertz azerty letmein welcome willkommen bienvenue admin administrator root user login guest test testing tester ' +
  'default changeme change please secret geheim security private access system server master superuser super mysql oracle ' +
  'google facebook linkedin twitter instagram youtube amazon apple microsoft windows samsung computer internet network ' +
  'iloveyou iloveu loveyou love lovely forever princess prince sunshine flower butterfly summer winter spring autumn fall ' +
  'monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october ' +
  'november december football soccer baseball basketball hockey liverpool chelsea arsenal barcelona juventus yankees cowboys ' +
  'dragon monkey tiger eagle shadow killer ninja hunter ranger warrior matrix batman superman spiderman pokemon starwars ' +
  'naruto minecraft fortnite michael jordan jessica jennifer michelle daniel charlie thomas andrew robert ashley nicole ' +
  'hannah anthony joshua matthew george maggie pepper ginger cookie cheese banana orange chocolate coffee purple yellow ' +
  'freedom whatever trustno blink nothing hello hallo bonjour world mustang harley corvette ferrari mercedes porsche yamaha ' +
  'thequickbrownfox thequickbrownfoxjumpsoverthelazydog correcthorsebatterystaple loremipsum loremipsumdolorsitamet ' +
  'tobeornottobe maytheforcebewithyou openup opensesame abrakadabra abracadabra mypassword yourpassword thisismypassword ' +
  'thisisapassword thisisasecret ilovemyself iloveyousomuch ihatepasswords passphrase passcode qazwsx wsxedc qazwsxedc ' +
  'zaqxsw asdf qwer zxcv qweasd qweasdzxc asdasd qweqwe poiuy lkjhg mnbvc abcabc abcd mom dad the my is to and in of for you me new pass word key ' +
  'company corporate office employee manager temp temporary initial example sample demo dummy'
)
  .split(' ')
  .toSorted((a, b) => b.length - a.length);
