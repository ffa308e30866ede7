# nothing but a variable
X = 1
