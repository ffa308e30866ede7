# Stands for a password manager.
echo "t0ken"
