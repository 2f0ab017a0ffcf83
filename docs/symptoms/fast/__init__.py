from fast._fast import add
