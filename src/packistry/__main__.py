from packistry.cli import main

main()
